using FluxGrpc.Testing;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>What the sessions of a server see that is told to stop.</summary>
public sealed class DrainingTests
{
    private const string Model = "transformer_dev";

    [Fact]
    public async Task The_step_in_hand_is_answered_and_everybody_is_sent_elsewhere()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options =>
        {
            options.MaxSessions = 4;
            options.MaxBatchSize = 1;
            options.MaxWork = 3 * 4 * 72;
        });
        using var golden = new GoldenMessages(Model);
        using var gate = new StepGate(server.Model);
        using var running = await server.OpenAsync(golden.Opening(0));
        using var arrived = await server.OpenAsync(golden.Opening(1));
        using var idle = await server.OpenAsync(golden.Opening(1));
        using var queued = server.Open();
        await queued.SendAsync(golden.Opening(0));
        Assert.Equal(0, (await queued.ReadAsync()).Queued.Ahead);
        await running.SendAsync(golden.Step(0));
        await gate.BegunAsync();
        await arrived.SendAsync(golden.Step(1));
        await server.WaitUntilAsync(load => load.WaitingSteps == 1);

        var stopped = server.App.StopAsync();
        var queuedIsSentAway = AssertSentAwayAsync(queued);
        Assert.NotNull((await idle.ReadAsync()).DrainNotice);
        var idleIsSentAway = AssertSentAwayAsync(idle);
        foreach (var call in new[] { running, arrived })
        {
            Assert.NotNull((await call.ReadAsync()).DrainNotice);
            await call.HalfCloseAsync();
        }

        gate.Open();
        foreach (var call in new[] { running, arrived })
        {
            Assert.NotNull((await call.ReadAsync()).StepResult);
            Assert.Equal(StatusCode.OK, await call.EndAsync());
        }

        await queuedIsSentAway;
        await idleIsSentAway;
        await stopped;
    }

    [Fact]
    public async Task A_step_after_the_notice_is_left_to_another_replica()
    {
        await using var server = await DenoiserFixture.StartAsync(Model);
        using var golden = new GoldenMessages(Model);
        using var gate = new StepGate(server.Model);
        using var call = await server.OpenAsync(golden.Opening(0));
        await call.SendAsync(golden.Step(0));
        await gate.BegunAsync();

        var stopped = server.App.StopAsync();
        Assert.InRange((await call.ReadAsync()).DrainNotice.Grace.ToTimeSpan(), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        gate.Open();
        Assert.NotNull((await call.ReadAsync()).StepResult);
        await call.SendAsync(golden.Step(0, index: 1));

        await AssertSentAwayAsync(call);
        await stopped;
    }

    private static async Task AssertSentAwayAsync(DenoiseCall call)
    {
        var failure = await call.FailureAsync();
        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
        Assert.Equal("STOPPING", failure.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
        Assert.NotNull(failure.GetRpcStatus()!.GetDetail<RetryInfo>());
    }
}
