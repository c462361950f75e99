using System.Diagnostics;
using System.Threading.Channels;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Denoiser.Telemetry;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>
/// Keeps the device at work: forms each forward pass of the steps that wait when the one before has ended. One task owns the
/// queue; everybody else sends it commands.
/// </summary>
internal sealed partial class StepScheduler : IAsyncDisposable
{
    // Unbounded, but never long: a session has one step, and a command or two for it, under way at a time.
    private readonly Channel<Action> _commands = Channel.CreateUnbounded<Action>(new() { SingleReader = true });
    private readonly StepQueue _queue;
    private readonly RunBatch _run;
    private readonly TimeProvider _time;
    private readonly DenoiserActivities _activities;
    private readonly ILogger<StepScheduler> _logger;
    private readonly long _epoch;
    private readonly ITimer _timer;
    private readonly Task _owner;
    private long _passesDone;
    private int _latestSize;
    private int _waitingSteps;
    private Task _pass = Task.CompletedTask;
    private bool _deviceBusy;

    /// <summary>Starts the task that owns the queue.</summary>
    /// <param name="limits">How large a pass may be.</param>
    /// <param name="run">The model.</param>
    /// <param name="time">Its clock.</param>
    /// <param name="activities">Spans of the passes.</param>
    /// <param name="logger">Hears of passes that failed.</param>
    public StepScheduler(
        Func<BatchLimits> limits, RunBatch run, TimeProvider time, DenoiserActivities activities, ILogger<StepScheduler> logger)
    {
        _queue = new StepQueue(limits);
        _run = run;
        _time = time;
        _activities = activities;
        _logger = logger;
        _epoch = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Send(() => { }), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using (ExecutionContext.SuppressFlow()) // The passes are part of no call.
            _owner = Task.Run(OwnQueueAsync);
    }

    /// <summary>What it has done and has before it.</summary>
    public BatchStatistics Statistics =>
        new(Volatile.Read(ref _passesDone), Volatile.Read(ref _latestSize), Volatile.Read(ref _waitingSteps));

    private TimeSpan Now => _time.GetElapsedTime(_epoch);

    /// <summary>A session opens: others may wait a moment for its steps.</summary>
    public void Enter(BatchMember member)
    {
        var now = Now;
        Send(() => _queue.Enter(member, now));
    }

    /// <summary>A session ends; it has no step here any more.</summary>
    public void Leave(BatchMember member) => Send(() => _queue.Leave(member));

    /// <summary>Answers a step of a session that has entered.</summary>
    /// <param name="member">The session, which has no other step here.</param>
    /// <param name="step">Timestep and latents.</param>
    /// <param name="cancellation">
    /// Drops a step that has not begun. One that has begun ends with its pass: between two blocks where all callers of the pass have
    /// gone. The device does not use the session any more when this returns.
    /// </param>
    /// <exception cref="OperationCanceledException">It was dropped.</exception>
    public async Task<Prediction> PredictAsync(BatchMember member, DenoiseStep step, CancellationToken cancellation)
    {
        var scheduled = new ScheduledStep(member, step, Now, cancellation);
        ObjectDisposedException.ThrowIf(!Send(() => _queue.Add(scheduled)), this);
        await using var registration = cancellation.Register(() => Send(() =>
        {
            if (_queue.Remove(scheduled))
                scheduled.Answer.TrySetCanceled(cancellation);
        }));
        return await scheduled.Answer.Task;
    }

    /// <summary>Lets the pass in hand end and drops the steps that wait.</summary>
    public async ValueTask DisposeAsync()
    {
        _commands.Writer.TryComplete();
        await _owner;
        await _timer.DisposeAsync();
        await _pass;
    }

    private bool Send(Action command) => _commands.Writer.TryWrite(command);

    private async Task OwnQueueAsync()
    {
        try
        {
            await foreach (var command in _commands.Reader.ReadAllAsync())
            {
                command();
                while (_commands.Reader.TryRead(out var next))
                    next(); // A pass is chosen among all that is known.
                BeginPass();
                Volatile.Write(ref _waitingSteps, _queue.Count);
            }
        }
        finally
        {
            // Whatever ends this task, no caller waits for ever.
            _commands.Writer.TryComplete();
            while (_commands.Reader.TryRead(out var last))
                last();
            foreach (var step in _queue.RemoveAll())
                step.Answer.TrySetCanceled();
        }
    }

    private void BeginPass()
    {
        if (_deviceBusy)
            return;
        var now = Now;
        var choice = _queue.Choose(now);
        if (choice.WaitUntil is { } until)
            _timer.Change(until - now, Timeout.InfiniteTimeSpan);
        if (choice.Steps.Count == 0)
            return;

        _deviceBusy = true;
        _pass = RunAsync(choice.Steps);
    }

    private async Task RunAsync(IReadOnlyList<ScheduledStep> steps)
    {
        if (!await TryRunAsync(steps))
        {
            // Whatever one of them ran into, the others did nothing wrong; and memory may suffice for one at a time.
            foreach (var step in steps)
                await TryRunAsync([step]);
        }

        Send(() => _deviceBusy = false);
    }

    /// <summary>Runs a pass and hands out its answers.</summary>
    /// <returns>False where it failed and each of its steps is to run alone; the failure of a step alone is its answer.</returns>
    private async Task<bool> TryRunAsync(IReadOnlyList<ScheduledStep> steps)
    {
        using var activity = _activities.StartBatch(steps);
        using var cancellation = new PassCancellation(steps);
        Volatile.Write(ref _latestSize, steps.Count);
        try
        {
            var result = await _run(steps, cancellation.Token);
            Interlocked.Increment(ref _passesDone);
            AnswerAll(steps, result);
            return true;
        }
        catch (OperationCanceledException) when (cancellation.Token.IsCancellationRequested)
        {
            var now = Now;
            Send(() => _queue.Answered([], now));
            foreach (var step in steps)
                step.Answer.TrySetCanceled(step.Cancellation);
            return true;
        }
        catch (Exception exception)
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            if (steps.Count == 1)
                return steps[0].Answer.TrySetException(exception);
            LogFailed(_logger, steps.Count, exception);
            return false;
        }
    }

    private void AnswerAll(IReadOnlyList<ScheduledStep> steps, BatchResult result)
    {
        var now = Now;
        Send(() => _queue.Answered(steps, now)); // Before any caller can send its next step.
        var started = _time.GetElapsedTime(_epoch, result.Started);
        for (var i = 0; i < steps.Count; i++)
        {
            steps[i].Answer.TrySetResult(new Prediction(
                result.Velocities[i], result.ComputeTime, started - steps[i].ArrivedAt, steps.Count, result.Reused[i]));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A pass of {Steps} steps failed; each of them runs alone now")]
    private static partial void LogFailed(ILogger logger, int steps, Exception exception);
}
