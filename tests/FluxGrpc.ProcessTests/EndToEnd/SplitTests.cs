using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using Xunit;

namespace FluxGrpc.ProcessTests.EndToEnd;

/// <summary>Where the parts run changes nothing.</summary>
[Collection(RealServicesTests.Name)]
public sealed class SplitTests(RealServicesFixture fixture)
{
    [Fact]
    public async Task Four_processes_over_TCP_give_the_bytes_of_the_embedded_run()
    {
        using var folder = new TemporaryFolder();
        var embedded = Path.Combine(folder.Path, "embedded.png");
        var split = Path.Combine(folder.Path, "split.png");
        string[] settings =
            ["generate", "a red circle left of a blue square", "--seed", "42", "--steps", "4", "--width", "160", "--height", "96"];

        await using var first = await ServiceProcess.RunAsync("flux", [.. settings, "--dtype", "float32", "--output", embedded]);
        await using var second = await ServiceProcess.RunAsync(
            "flux", [.. settings, "--server", fixture.Services.Orchestrator.Address, "--output", split]);

        Assert.True(first.ExitCode == 0 && second.ExitCode == 0, first.Output + second.Output);
        Assert.Equal(await File.ReadAllBytesAsync(embedded), await File.ReadAllBytesAsync(split));
    }
}
