using FluxGrpc.ProcessTests.Cli;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Queueing;

/// <summary><c>flux generate --detach</c>: what goes on when the command is gone, and how to get at it.</summary>
[Collection(OnePlaceTests.Name)]
public sealed class DetachTests(OnePlaceFixture fixture) : IDisposable
{
    private const int Steps = 60;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_client_killed_in_the_middle_of_an_image_gets_the_same_picture_when_it_comes_back()
    {
        var undisturbed = await FluxProcess.RunAsync(Generate("undisturbed"));
        Assert.True(undisturbed.ExitCode == 0, undisturbed.Error);
        var stepsBefore = (await fixture.UntilIdleAsync()).StepsDone;
        await using var killed = await ServiceProcess.RunUntilAsync(
            "flux", line => line.Contains("step 3/", StringComparison.Ordinal), Detached("came-back"));
        await killed.KillAsync();
        Assert.False(File.Exists(PathOf("came-back")));

        var again = await FluxProcess.RunAsync(Detached("came-back"));

        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Equal(await File.ReadAllBytesAsync(PathOf("undisturbed")), await File.ReadAllBytesAsync(PathOf("came-back")));
        Assert.Equal(stepsBefore + Steps, (await fixture.UntilIdleAsync()).StepsDone); // Nothing was done twice.
    }

    [Fact]
    public async Task Ctrl_C_says_that_it_goes_on_and_how_to_get_and_to_cancel_it()
    {
        await using var flux = FluxProcess.Start(Detached("left", steps: 200));
        await flux.WaitForLineAsync("step 1/");
        var line = await flux.WaitForLineAsync("goes on at the server if this command ends early");
        Assert.EndsWith($"flux {Shown(Detached("left", steps: 200))}", line, StringComparison.Ordinal);

        flux.Interrupt();
        await flux.WaitForExitAsync();

        Assert.Equal(130, flux.ExitCode);
        var server = fixture.Services.Orchestrator.Address;
        Assert.Equal($"flux: left; request left goes on at {server}", flux.Error);
        Assert.Contains($"to cancel it: flux cancel left --server {server}", flux.Output, StringComparison.Ordinal);
        var status = await fixture.UntilStatusAsync(status => status.Detached > 0);
        Assert.Equal(1, status.Generations);

        var cancel = await FluxProcess.RunAsync("cancel", "left", "--server", server);

        Assert.True(cancel.ExitCode == 0, cancel.Error);
        Assert.True((await fixture.UntilIdleAsync()).QueuedWork == 0);
        var twice = await FluxProcess.RunAsync("cancel", "left", "--server", server);
        Assert.Equal((1, "flux: No generation in hand has that request_id"), (twice.ExitCode, twice.Error));
    }

    [Fact]
    public async Task A_request_that_did_not_ask_for_it_ends_with_its_call_and_can_be_cancelled_by_name()
    {
        await using var flux = FluxProcess.Start(Generate("attached", steps: 200));
        await flux.WaitForLineAsync("step 1/");

        await fixture.Orchestrator.CancelGenerationAsync(new CancelGenerationRequest { RequestId = "attached" });
        await flux.WaitForExitAsync();

        Assert.Equal((1, "flux: Request 'attached' was cancelled by CancelGeneration"), (flux.ExitCode, flux.Error));
        await fixture.UntilIdleAsync();
    }

    [Fact]
    public async Task A_name_in_use_is_refused()
    {
        using var running = fixture.Orchestrator.Generate(new GenerateRequest(OnePlaceFixture.LongRequest(1)) { RequestId = "taken" });
        await OnePlaceFixture.UntilAsync(running, item => item.Step is not null);

        using var second = fixture.Orchestrator.Generate(new GenerateRequest(OnePlaceFixture.LongRequest(1)) { RequestId = "taken" });
        var exception = await Assert.ThrowsAsync<RpcException>(() => OnePlaceFixture.RestAsync(second));

        Assert.Equal(StatusCode.AlreadyExists, exception.StatusCode);
        running.Dispose();
        await fixture.UntilIdleAsync();
    }

    private string[] Detached(string id, int steps = Steps) => [.. Generate(id, steps), "--detach"];

    private string[] Generate(string id, int steps = Steps) =>
    [
        "generate", "a blue ring", "--steps", $"{steps}", "--seed", "7", "--width", "128", "--height", "128",
        "--server", fixture.Services.Orchestrator.Address, "--output", PathOf(id), "--request-id", id,
    ];

    private static string Shown(string[] arguments) => string.Join(' ', arguments).Replace("a blue ring", "'a blue ring'");

    private string PathOf(string id) => Path.Combine(_folder.FullName, $"{id}.png");
}
