using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Denoiser.Telemetry;
using FluxGrpc.Tensors;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser.Batching;

public sealed class StepSchedulerTests : IAsyncLifetime
{
    private static readonly TimeSpan _wait = TimeSpan.FromMilliseconds(5);

    private readonly FakeTimeProvider _time = new();
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly DenoiserActivities _activities = new("replica");
    private readonly ScriptedModel _model;
    private readonly StepScheduler _scheduler;

    public StepSchedulerTests()
    {
        _model = new ScriptedModel(_time);
        _scheduler = new StepScheduler(() => new BatchLimits(MaxSize: 8, MaxTokens: 1000, _wait), _model.RunAsync, _time, _activities,
            NullLogger<StepScheduler>.Instance);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _model.Close();
        await _scheduler.DisposeAsync();
        _activities.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public async Task Steps_that_come_during_a_pass_share_the_next_one()
    {
        var (first, second, third) = (Enter(), Enter(), Enter(Steps.Large));
        _time.Advance(_wait); // Nobody is expected any more.
        var alone = PredictAsync(first);
        var pass = await _model.NextAsync();
        Assert.Equal([first], pass.Members);
        var (large, small) = (PredictAsync(third), PredictAsync(second));
        _time.Advance(TimeSpan.FromSeconds(2));

        pass.End();
        using var prediction = await alone;
        Assert.Equal((1, TimeSpan.FromSeconds(2), TimeSpan.Zero), Facts(prediction));

        var next = await _model.NextAsync();
        Assert.Equal([third], next.Members);
        var again = PredictAsync(first);
        _time.Advance(TimeSpan.FromSeconds(1));
        next.End();
        using var largePrediction = await large;
        Assert.Equal((1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)), Facts(largePrediction));

        var shared = await _model.NextAsync();
        Assert.Equal([first, second], shared.Members);
        shared.End();
        using var firstPrediction = await again;
        using var secondPrediction = await small;
        Assert.Equal((2, TimeSpan.Zero, TimeSpan.FromSeconds(1)), Facts(firstPrediction));
        Assert.Equal((2, TimeSpan.Zero, TimeSpan.FromSeconds(3)), Facts(secondPrediction));
        Assert.Equal(0, TensorMessage.Floats(firstPrediction.Velocity.Message)[0]);
        Assert.Equal(1, TensorMessage.Floats(secondPrediction.Velocity.Message)[0]);
        Assert.Equal(new BatchStatistics(PassesDone: 3, LatestSize: 2, WaitingSteps: 0), _scheduler.Statistics);
    }

    [Fact]
    public async Task A_session_joins_and_leaves_between_steps()
    {
        var (one, other) = (Enter(), Enter());
        var sizes = new List<int>();
        for (var round = 0; round < 3; round++)
        {
            if (round == 2)
                _scheduler.Leave(other);
            var predictions = (round == 2 ? [one] : new[] { one, other }).Select(PredictAsync).ToArray();
            var pass = await _model.NextAsync();
            sizes.Add(pass.Members.Count());
            pass.End();
            foreach (var prediction in predictions)
                (await prediction).Dispose();
        }

        Assert.Equal([2, 2, 1], sizes); // The last did not wait for the one that had left, though no time passed.
    }

    [Fact]
    public async Task A_step_that_waits_in_vain_runs_when_the_wait_is_over()
    {
        var (one, _) = (Enter(), Enter());
        var prediction = PredictAsync(one);

        var pass = _model.NextAsync();
        while (!pass.IsCompleted)
        {
            // Until the scheduler's task has read the step: before that it has not begun to wait.
            _time.Advance(_wait / 10);
            await Task.Yield();
        }

        (await pass).End();
        using var answer = await prediction;
        Assert.Equal(1, answer.BatchSize);
        Assert.True(_time.GetElapsedTime(0) >= _wait);
    }

    [Fact]
    public async Task A_wait_that_is_over_before_its_timer_is_set_is_over()
    {
        var time = new HurryingTime();
        var model = new ScriptedModel(time);
        await using var scheduler = new StepScheduler(() => new BatchLimits(MaxSize: 8, MaxTokens: 1000, TimeSpan.FromMilliseconds(5)),
            model.RunAsync, time, _activities, NullLogger<StepScheduler>.Instance);
        BatchMember one = Steps.Session(), other = Steps.Session();
        scheduler.Enter(other);
        scheduler.Enter(one);

        var prediction = scheduler.PredictAsync(one, Steps.First(), CancellationToken.None);

        (await model.NextAsync().WaitAsync(TimeSpan.FromMinutes(1))).End();
        (await prediction).Dispose();
    }

    [Fact]
    public async Task Cancelling_drops_a_step_that_waits_and_not_one_that_runs()
    {
        var (running, waiting) = (Enter(Steps.Large), Enter());
        using var cancellation = new CancellationTokenSource();
        var run = _scheduler.PredictAsync(running, Steps.First(), cancellation.Token);
        var pass = await _model.NextAsync();
        var wait = _scheduler.PredictAsync(waiting, Steps.First(), cancellation.Token);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        pass.End();
        (await run).Dispose();
        Assert.Equal(1, _model.Begun);
    }

    [Fact]
    public async Task A_pass_that_nobody_waits_for_is_broken_off_and_the_next_one_begins()
    {
        var (one, other, third) = (Enter(), Enter(), Enter(Steps.Large));
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        Task<Prediction>[] gone =
            [_scheduler.PredictAsync(one, Steps.First(), first.Token), _scheduler.PredictAsync(other, Steps.First(), second.Token)];
        var pass = await _model.NextAsync();
        var next = PredictAsync(third);

        await first.CancelAsync();
        Assert.False(pass.Cancellation.IsCancellationRequested);
        await second.CancelAsync();
        Assert.True(pass.Cancellation.IsCancellationRequested);
        Assert.All(gone, step => Assert.False(step.IsCompleted)); // The device still uses what is theirs.
        pass.BreakOff();

        foreach (var step in gone)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => step);
        (await _model.NextAsync()).End();
        (await next).Dispose();
        Assert.Equal(2, _model.Begun); // None was tried alone.
        Assert.Equal(1, _scheduler.Statistics.PassesDone);
    }

    [Fact]
    public async Task A_step_cancelled_while_it_runs_does_not_break_its_mates()
    {
        var (one, other) = (Enter(), Enter());
        using var cancellation = new CancellationTokenSource();
        var cancelled = _scheduler.PredictAsync(one, Steps.First(), cancellation.Token);
        var mate = PredictAsync(other);
        var pass = await _model.NextAsync();

        await cancellation.CancelAsync();
        Assert.False(pass.Cancellation.IsCancellationRequested);
        pass.End();

        using var answer = await mate;
        Assert.Equal(2, answer.BatchSize);
        (await cancelled).Dispose();
    }

    [Fact]
    public async Task After_a_batch_that_failed_each_step_runs_alone_and_only_the_culprit_fails()
    {
        var (innocent, culprit) = (Enter(), Enter());
        var (good, bad) = (PredictAsync(innocent), PredictAsync(culprit));

        (await _model.NextAsync()).Fail("out of memory");
        var first = await _model.NextAsync();
        Assert.Equal([innocent], first.Members);
        first.End();
        using var answer = await good;
        Assert.Equal(1, answer.BatchSize);
        (await _model.NextAsync()).Fail("not a number");

        Assert.Equal("not a number", (await Assert.ThrowsAsync<InvalidOperationException>(() => bad)).Message);
        _time.Advance(_wait);
        var goesOn = PredictAsync(innocent);
        (await _model.NextAsync()).End();
        (await goesOn).Dispose();
    }

    [Fact]
    public async Task Disposing_waits_for_the_pass_in_hand_and_drops_what_waits()
    {
        var (running, waiting) = (Enter(Steps.Large), Enter());
        var run = PredictAsync(running);
        var pass = await _model.NextAsync();
        var wait = PredictAsync(waiting);

        var disposal = _scheduler.DisposeAsync().AsTask();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.False(disposal.IsCompleted);
        pass.End();
        await disposal;
        (await run).Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => PredictAsync(running));
    }

    private BatchMember Enter(BatchKey? key = null)
    {
        var member = Steps.Session(key);
        _scheduler.Enter(member);
        return member;
    }

    private Task<Prediction> PredictAsync(BatchMember member) =>
        _scheduler.PredictAsync(member, Steps.First(), CancellationToken.None);

    private static (int BatchSize, TimeSpan ComputeTime, TimeSpan WaitTime) Facts(Prediction prediction) =>
        (prediction.BatchSize, prediction.ComputeTime, prediction.WaitTime);

    /// <summary>Two milliseconds pass at each look at it; a timer fires where it is set to now or later, not to "never".</summary>
    private sealed class HurryingTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Interlocked.Add(ref _now, 2);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Timer(() => callback(state));

        private sealed class Timer(Action fire) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                if (dueTime >= TimeSpan.Zero)
                    fire();
                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
