using System.Threading.Channels;
using Grpc.Core;
using Grpc.Health.V1;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// Follows one replica by grpc.health.v1 Watch, connecting again whenever the watch breaks, and asks for its model each time it
/// turns SERVING. A replica that was reported to stall counts as gone until it answers a health Check.
/// </summary>
/// <param name="channel">To the replica.</param>
/// <param name="kind">What it is.</param>
/// <param name="circuit">Closed when the replica turns SERVING.</param>
/// <param name="changed">Called after each news.</param>
/// <param name="time">The clock of the delays.</param>
internal sealed class ReplicaMonitor(
    ChannelBase channel, ServiceKind kind, ReplicaCircuit circuit, Action changed, TimeProvider time)
{
    private const int MostDoublings = 6;

    private static readonly TimeSpan _firstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _answerTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _firstHold = TimeSpan.FromSeconds(1);

    private readonly Health.HealthClient _health = new(channel);

    // Holds at most one signal: a stall reported by many sessions is one stall.
    private readonly Channel<bool> _stallSignal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private volatile ReplicaModel? _model;
    private volatile string? _problem = "no answer yet";
    private volatile bool _hasReported;
    private volatile bool _stalled;
    private volatile bool _isGone;
    private int _stallsInARow;

    /// <summary>The replica's model while it is SERVING, or null.</summary>
    public ReplicaModel? Model => _model;

    /// <summary>What keeps the replica from working, or null.</summary>
    public string? Problem => _problem ?? (_stalled ? "does not answer" : null);

    /// <summary>False before the first news, good or bad.</summary>
    public bool HasReported => _hasReported;

    /// <summary>True from a reported stall until the replica answers, and where it was SERVING when its watch broke.</summary>
    public bool IsLost => _stalled || _isGone;

    /// <summary>Follows the replica until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) =>
        Task.WhenAll(WatchAsync(cancellation), ProbeStallsAsync(cancellation));

    /// <summary>Tells that an exchange with the replica took too long.</summary>
    public void ReportStall()
    {
        _stalled = true;
        _stallSignal.Writer.TryWrite(true);
        changed();
    }

    /// <summary>Tells that an exchange with the replica came to its end.</summary>
    public void ReportProgress() => Volatile.Write(ref _stallsInARow, 0);

    private async Task WatchAsync(CancellationToken cancellation)
    {
        var delay = _firstDelay;
        while (true)
        {
            try
            {
                using var watch = _health.Watch(new HealthCheckRequest(), cancellationToken: cancellation);
                while (await watch.ResponseStream.MoveNext(cancellation))
                {
                    delay = _firstDelay;
                    await TakeAsync(watch.ResponseStream.Current.Status, cancellation);
                }

                Report(null, "the service is stopping");
            }
            catch (RpcException failure)
            {
                cancellation.ThrowIfCancellationRequested();
                var isGone = _isGone || _problem is null;
                Report(null, ComponentErrors.Translate(kind.Name, failure).Status.Detail);
                _isGone = isGone;
            }

            await Task.Delay(delay, time, cancellation);
            delay = delay < _longestDelay / 2 ? 2 * delay : _longestDelay;
        }
    }

    private async Task TakeAsync(ServingStatus status, CancellationToken cancellation)
    {
        if (status != ServingStatus.Serving)
        {
            Report(null, "the weights are loading or the service is stopping");
            return;
        }

        using var limit = new CancellationTokenSource(_answerTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        var model = await kind.AskModelAsync(channel, new CallOptions(cancellationToken: either.Token));
        await circuit.CloseAsync();
        Report(model, null);
    }

    /// <summary>
    /// Each stall is held against the replica for longer than the one before, unless work was done in between: its health may
    /// answer while its computation does not.
    /// </summary>
    private async Task ProbeStallsAsync(CancellationToken cancellation)
    {
        while (await _stallSignal.Reader.WaitToReadAsync(cancellation))
        {
            var stalls = Math.Min(Interlocked.Increment(ref _stallsInARow), MostDoublings);
            do
                await Task.Delay(_firstHold * Math.Pow(2, stalls - 1), time, cancellation);
            while (!await AnswersAsync(cancellation));

            _stallSignal.Reader.TryRead(out _);
            await circuit.CloseAsync();
            _stalled = false;
            changed();
        }
    }

    /// <summary>False where the replica keeps silent. One that is not reachable is not silent: the watch has seen it.</summary>
    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(_answerTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await _health.CheckAsync(new HealthCheckRequest(), cancellationToken: either.Token);
            return true;
        }
        catch (RpcException)
        {
            cancellation.ThrowIfCancellationRequested();
            return !limit.IsCancellationRequested;
        }
    }

    private void Report(ReplicaModel? model, string? problem)
    {
        _isGone = false;
        (_model, _problem, _hasReported) = (model, problem, true);
        changed();
    }
}
