using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Denoiser;

/// <summary>What a replica of the tier must do as a real process: share its passes, refuse what is too much, stop in good order.</summary>
public sealed class DenoiserTierTests
{
    private const int SmallGrid = 4;
    private const int SlowGrid = 64; // 1024x1024 pixels: a step takes a second or so.

    [Fact]
    public async Task SIGTERM_answers_the_step_in_hand_tells_the_idle_refuses_the_queued_and_ends()
    {
        const int Steps = 4;
        // Not as long as the tests' patience by far: the process has to end by itself.
        await using var denoiser = await RunningDenoiser.StartAsync("--shutdown-seconds", "600",
            "--max-work", $"{RunningDenoiser.Work(SlowGrid, Steps) + RunningDenoiser.Work(SmallGrid, Steps)}");
        var slow = denoiser.CreateSession(SlowGrid, Steps, seed: 1);
        var small = denoiser.CreateSession(SmallGrid, Steps, seed: 2);
        using var busy = await denoiser.OpenAsync(slow.Opening);
        using var idle = await denoiser.OpenAsync(small.Opening);
        using var queued = await denoiser.SendAsync(small.Opening);
        Assert.Equal(0, (await queued.ReadAsync()).Queued.Ahead);
        await busy.SendAsync(slow.Step(0));
        await denoiser.WaitUntilAsync(load => load.LastBatchSize == 1);

        var ended = denoiser.Process.TerminateAsync();

        await AssertSentAwayAsync(queued.FailureAsync());
        Assert.NotNull((await idle.ReadAsync()).DrainNotice);
        await AssertSentAwayAsync(idle.FailureAsync());
        var answers = new[] { await busy.ReadAsync(), await busy.ReadAsync() };
        Assert.Single(answers, answer => answer.StepResult is { Index: 0, BatchSize: 1 });
        Assert.Single(answers, answer => answer.DrainNotice is not null);
        await ended; // Though this client has not read the end of its call.
        Assert.Equal(0, denoiser.Process.ExitCode);
    }

    [Fact]
    public async Task Sessions_join_and_leave_the_passes_between_steps()
    {
        int[] steps = [30, 20, 10, 5];
        await using var denoiser = await RunningDenoiser.StartAsync("--batch-wait-milliseconds", "1000");

        var results = await Task.WhenAll(steps.Select((count, seed) =>
            denoiser.RunAsync(denoiser.CreateSession(SmallGrid, count, seed), count)));

        Assert.Equal(steps, results.Select(result => result.Count));
        var sizes = results.SelectMany(result => result).Select(result => result.BatchSize).ToList();
        Assert.Equal(steps.Length, sizes.Max());
        Assert.Equal(1, results[0][^1].BatchSize); // It was the last one there.
        var load = await denoiser.WaitUntilAsync(load => load.Sessions == 0);
        Assert.Equal(steps.Sum(), load.StepsDone);
        Assert.InRange(load.BatchesDone, steps.Max(), steps.Sum() / 2);
        Assert.Equal(0, load.QueuedWork);
    }

    [Fact]
    public async Task Work_beyond_the_queue_is_refused_with_the_time_to_come_back()
    {
        var work = RunningDenoiser.Work(SmallGrid, steps: 4);
        await using var denoiser = await RunningDenoiser.StartAsync("--max-work", $"{work}", "--max-queued-work", $"{work}");
        var session = denoiser.CreateSession(SmallGrid, steps: 4, seed: 1);
        using var open = await denoiser.OpenAsync(session.Opening);
        using var queued = await denoiser.SendAsync(session.Opening);
        Assert.Equal(0, (await queued.ReadAsync()).Queued.Ahead);

        using var refused = await denoiser.SendAsync(session.Opening);
        var failure = await refused.FailureAsync();

        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
        Assert.True(failure.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan() > TimeSpan.Zero);
        await open.HalfCloseAsync();
        Assert.NotNull((await queued.ReadAsync()).Accepted);
    }

    [Fact]
    public async Task Interactive_steps_come_first_and_batch_ones_do_not_starve()
    {
        const int InteractiveSteps = 33;
        const int BatchSteps = 200;
        await using var denoiser = await RunningDenoiser.StartAsync("--batch-wait-milliseconds", "1000");
        var patient = denoiser.CreateSession(SmallGrid, BatchSteps, seed: 1, Priority.Batch);
        using var call = await denoiser.OpenAsync(patient.Opening);
        var done = 0;
        var urgentIsDone = false;
        var running = Task.Run(async () =>
        {
            while (!Volatile.Read(ref urgentIsDone))
            {
                await call.StepAsync(patient.Step(Math.Min(done, BatchSteps - 1)));
                Interlocked.Increment(ref done);
            }
        });
        await denoiser.WaitUntilAsync(load => load.StepsDone > 0);

        var urgent = denoiser.CreateSession(SmallGrid, InteractiveSteps, seed: 2);
        using var urgentCall = await denoiser.OpenAsync(urgent.Opening);
        await urgentCall.StepAsync(urgent.Step(0));
        var before = Volatile.Read(ref done);
        for (var index = 1; index < InteractiveSteps; index++)
            await urgentCall.StepAsync(urgent.Step(index));
        var meanwhile = Volatile.Read(ref done) - before;
        Volatile.Write(ref urgentIsDone, true);
        await running;

        Assert.InRange(meanwhile, 1, InteractiveSteps / 8 + 2); // One turn in nine, and the ends.
    }

    private static async Task AssertSentAwayAsync(Task<RpcException> ending)
    {
        var failure = await ending;
        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
        Assert.Equal("STOPPING", failure.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
    }
}
