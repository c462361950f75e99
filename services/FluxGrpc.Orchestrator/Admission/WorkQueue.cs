using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Admission;

/// <summary>
/// Decides which requests run. So many run at once, the others wait: interactive ones first, each kind in the order of arrival.
/// An interactive request that waits has a batch one pause at its next step. Batch requests that have waited for long get one of
/// every few places, which they keep. Every event costs O(log n); only the sweep that tells the places costs O(n), and it runs
/// less often the more there are to tell.
/// </summary>
internal sealed class WorkQueue : IDisposable
{
    /// <summary>Of so many places one goes to batch requests that have waited for too long.</summary>
    public const int BatchShare = 8;

    private static readonly TimeSpan _timePerPlaceTold = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _leastRetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _unknownRetryDelay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _longestRetryDelay = TimeSpan.FromHours(1);
    private static readonly Comparer<Turn> _byArrival = Comparer<Turn>.Create((one, other) => one.Number.CompareTo(other.Number));

    private readonly QueueLimits _limits;
    private readonly TimeProvider _time;
    private readonly Throughput _throughput;
    private readonly ITimer _sweepTimer;
    private readonly Lock _lock = new();
    private readonly SortedSet<Turn> _interactive = new(_byArrival); // Waiting.
    private readonly SortedSet<Turn> _batch = new(_byArrival); // Waiting, for the first time or again.
    private readonly SortedSet<Turn> _preemptible = new(_byArrival); // Running batch work that may be asked to pause.
    private readonly SortedSet<Turn> _pausing = new(_byArrival); // Running batch work that was asked to.
    private long _interactiveWork;
    private long _batchWork;
    private long _runningWork;
    private long _arrivals;
    private long _lastSweep;
    private int _running;
    private int _placesSinceBatch;
    private bool _sweepIsDue;

    public WorkQueue(QueueLimits limits, TimeProvider time)
    {
        _limits = limits;
        _time = time;
        _throughput = new Throughput(time);
        _lastSweep = time.GetTimestamp();
        _sweepTimer = time.CreateTimer(_ => Sweep(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Requests that run; those that wait, for the first time or in the middle of their work; steps times tokens that they have
    /// to do.
    /// </summary>
    public (int Running, int Waiting, long QueuedWork) Load
    {
        get
        {
            lock (_lock)
                return (_running, _interactive.Count + _batch.Count, _interactiveWork + _batchWork);
        }
    }

    /// <summary>Takes a request in: it runs at once or waits. Disposing its turn gives the place to others.</summary>
    /// <param name="priority">Interactive or batch.</param>
    /// <param name="work">Steps times tokens to do.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED with an estimate of when there is room.</exception>
    public Turn Enter(Priority priority, long work)
    {
        lock (_lock)
        {
            var turn = new Turn(this, ++_arrivals, priority, work) { WaitingSince = _time.GetTimestamp() };
            if (_running >= _limits.Running)
                RefuseIfFull(turn);
            AddToWaiting(turn);
            GivePlaces();
            return turn;
        }
    }

    /// <summary>Looks where a turn stands.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="place">Its place in the queue where it has changed since somebody looked; else null.</param>
    /// <param name="news">Completes when it stands elsewhere.</param>
    /// <returns>False where it may run.</returns>
    public bool IsWaiting(Turn turn, out GenerationQueued? place, out Task news)
    {
        lock (_lock)
        {
            place = turn.TakePlace();
            news = turn.News;
            return turn.State == TurnState.Waiting;
        }
    }

    /// <summary>
    /// Puts a turn that was asked to pause back into the queue, ahead of what came after it: the first of its images that asks does.
    /// </summary>
    public void GiveWayIfAsked(Turn turn)
    {
        lock (_lock)
        {
            if (!turn.MustPause || turn.State != TurnState.Running)
                return;
            RemoveFromRunning(turn);
            turn.WaitingSince = _time.GetTimestamp();
            AddToWaiting(turn);
            GivePlaces();
        }
    }

    /// <summary>Takes note of work that a turn has done: one that gave way may still have an image at its last step.</summary>
    public void Done(Turn turn, long work)
    {
        lock (_lock)
        {
            var counted = Math.Min(work, turn.WorkLeft);
            turn.WorkLeft -= counted;
            if (turn.State == TurnState.Running)
                _runningWork -= counted;
            else if (turn.State == TurnState.Waiting)
                CountWaiting(turn, -counted);
            _throughput.Pass(busy: true);
            _throughput.Add(work);
        }
    }

    /// <summary>Takes a turn out, wherever it stands.</summary>
    public void Leave(Turn turn)
    {
        lock (_lock)
        {
            if (turn.State == TurnState.Running)
                RemoveFromRunning(turn);
            else if (turn.State == TurnState.Waiting)
                RemoveFromWaiting(turn);
            turn.State = TurnState.Left;
            GivePlaces();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sweepTimer.Dispose();

    private void RefuseIfFull(Turn turn)
    {
        var queued = turn.IsBatch ? _interactiveWork + _batchWork : _interactiveWork;
        if (queued + turn.WorkLeft <= _limits.QueuedWork)
            return;
        var workUntilRoom = turn.WorkLeft <= _limits.QueuedWork ? queued + turn.WorkLeft - _limits.QueuedWork : queued + _runningWork;
        throw RpcErrors.ResourceExhausted("QUEUE_FULL", FormattableString.Invariant(
            $"The queue is full: {queued} steps × tokens wait, the request has {turn.WorkLeft}; allowed: {_limits.QueuedWork}"),
            TimeFor(workUntilRoom));
    }

    /// <summary>Time that work takes, as fast as it went lately.</summary>
    private TimeSpan TimeFor(long work)
    {
        _throughput.Pass(_running > 0);
        if (_throughput.PerSecond is not { } perSecond)
            return _unknownRetryDelay;
        var seconds = Math.Clamp(work / perSecond, _leastRetryDelay.TotalSeconds, _longestRetryDelay.TotalSeconds);
        return TimeSpan.FromSeconds(Math.Ceiling(seconds));
    }

    /// <summary>Gives free places away, and sees to it that as many batch turns are about to pause as there are reasons to.</summary>
    private void GivePlaces()
    {
        while (_running < _limits.Running && Next() is { } turn)
            Start(turn);
        while (_pausing.Count < _interactive.Count && _preemptible.Max is { } youngest)
            AskToPause(youngest, true);
        while (_pausing.Count > _interactive.Count)
            AskToPause(_pausing.Min!, false);
        PlacesChanged();
    }

    private Turn? Next()
    {
        if (_batch.Min is not { } batch)
            return _interactive.Min;
        return _interactive.Count == 0 || IsOverdue(batch) ? batch : _interactive.Min;
    }

    private bool IsOverdue(Turn batch) =>
        _placesSinceBatch >= BatchShare - 1 && _time.GetElapsedTime(batch.WaitingSince) >= _limits.BatchPatience;

    private void Start(Turn turn)
    {
        RemoveFromWaiting(turn);
        _throughput.Pass(_running > 0);
        turn.State = TurnState.Running;
        turn.MustPause = false;
        turn.Waited += _time.GetElapsedTime(turn.WaitingSince);
        _running++;
        _runningWork += turn.WorkLeft;
        if (turn.IsBatch && _interactive.Count == 0)
            _preemptible.Add(turn); // Else it has its place because it has waited for too long, and keeps it.
        _placesSinceBatch = turn.IsBatch ? 0 : Math.Min(_placesSinceBatch + 1, BatchShare);
        turn.Tell(null);
    }

    private void AskToPause(Turn turn, bool pause)
    {
        turn.MustPause = pause;
        (pause ? _preemptible : _pausing).Remove(turn);
        (pause ? _pausing : _preemptible).Add(turn);
    }

    private void AddToWaiting(Turn turn)
    {
        turn.State = TurnState.Waiting;
        (turn.IsBatch ? _batch : _interactive).Add(turn);
        CountWaiting(turn, turn.WorkLeft);
    }

    private void RemoveFromWaiting(Turn turn)
    {
        (turn.IsBatch ? _batch : _interactive).Remove(turn);
        CountWaiting(turn, -turn.WorkLeft);
    }

    private void CountWaiting(Turn turn, long work)
    {
        if (turn.IsBatch)
            _batchWork += work;
        else
            _interactiveWork += work;
    }

    private void RemoveFromRunning(Turn turn)
    {
        _throughput.Pass(busy: true);
        _running--;
        _runningWork -= turn.WorkLeft;
        _preemptible.Remove(turn);
        _pausing.Remove(turn);
    }

    /// <summary>Has the places told: at once where that was long enough ago for so many, else later.</summary>
    private void PlacesChanged()
    {
        if (_sweepIsDue || _interactive.Count + _batch.Count == 0)
            return;
        var wait = (_interactive.Count + _batch.Count) * _timePerPlaceTold - _time.GetElapsedTime(_lastSweep);
        if (wait <= TimeSpan.Zero)
        {
            TellPlaces();
            return;
        }

        _sweepIsDue = true;
        _sweepTimer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void Sweep()
    {
        lock (_lock)
        {
            _sweepIsDue = false;
            TellPlaces();
        }
    }

    private void TellPlaces()
    {
        _lastSweep = _time.GetTimestamp();
        var (ahead, workAhead) = (0, _runningWork);
        foreach (var turn in _interactive.Concat(_batch))
        {
            if (turn.Place?.Ahead != ahead)
                turn.Tell(new GenerationQueued { Ahead = ahead, WorkAhead = workAhead });
            ahead++;
            workAhead += turn.WorkLeft;
        }
    }
}
