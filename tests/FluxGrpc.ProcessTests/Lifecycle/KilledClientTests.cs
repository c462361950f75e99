using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Lifecycle;

/// <summary>What callers leave behind when they vanish: nothing, counted by the denoiser itself.</summary>
[Collection(RealServicesTests.Name)]
public sealed class KilledClientTests(RealServicesFixture fixture)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_client_killed_in_the_middle_of_an_image_leaves_no_session_and_no_tensor()
    {
        var before = await IdleLoadAsync();
        await using var client = await ServiceProcess.RunUntilAsync(
            "flux", line => line.Contains("step", StringComparison.Ordinal), "generate", "a blue ring", "--steps", "200", "--seed", "1",
            "--server", fixture.Services.Orchestrator.Address, "--output", Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.png"));
        Assert.Equal(1, (await fixture.Denoiser.GetLoadAsync(new())).Sessions);

        await client.KillAsync();

        var after = await IdleLoadAsync();
        // Not more than before; fewer where the collector has found what loading left behind.
        Assert.InRange(after.LiveTensors, 0, before.LiveTensors);
        Assert.Equal(0, (await fixture.Orchestrator.GetStatusAsync(new())).Generations);
    }

    [Fact]
    public async Task Cancelling_stops_the_denoiser_within_a_step()
    {
        using var cancellation = new CancellationTokenSource();
        using var call = fixture.Orchestrator.Generate(
            new GenerateRequest { Prompt = "a blue ring", Steps = 200, Seed = 1 }, cancellationToken: cancellation.Token);
        await ReadUntilStepAsync(call);

        await cancellation.CancelAsync();

        var stopped = await IdleLoadAsync();
        Assert.Equal(stopped.StepsDone, (await fixture.Denoiser.GetLoadAsync(new())).StepsDone);
        Assert.Equal(0, stopped.QueuedWork);
        var exception = await Assert.ThrowsAsync<RpcException>(() => DrainAsync(call));
        Assert.Equal(StatusCode.Cancelled, exception.StatusCode);
    }

    [Fact]
    public async Task A_deadline_ends_the_call_and_the_work()
    {
        using var call = fixture.Orchestrator.Generate(
            new GenerateRequest { Prompt = "a blue ring", Steps = 200, Seed = 1, Count = 16 },
            deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2));

        var exception = await Assert.ThrowsAsync<RpcException>(() => DrainAsync(call));

        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
        Assert.Equal(0, (await IdleLoadAsync()).QueuedWork);
    }

    private async Task<GetLoadResponse> IdleLoadAsync()
    {
        using var timeout = new CancellationTokenSource(_patience);
        while (true)
        {
            var load = await fixture.Denoiser.GetLoadAsync(new(), cancellationToken: timeout.Token);
            if (load.Sessions == 0)
                return load;
        }
    }

    private static async Task ReadUntilStepAsync(AsyncServerStreamingCall<GenerateResponse> call)
    {
        await foreach (var item in call.ResponseStream.ReadAllAsync())
        {
            if (item.EventCase == GenerateResponse.EventOneofCase.Step)
                return;
        }
    }

    private static async Task DrainAsync(AsyncServerStreamingCall<GenerateResponse> call)
    {
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
        }
    }
}
