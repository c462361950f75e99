using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.ChaosTests;

/// <summary>Denoisers that die, freeze, stutter and drain while images are being made.</summary>
public sealed class DenoiserChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_image_arrives_with_the_bytes_of_its_undisturbed_twin()
    {
        using var run = new ChaosRun(ChaosOptions.FromEnvironment());

        var violations = await run.RunAsync(output.WriteLine);

        Assert.Empty(violations);
    }
}
