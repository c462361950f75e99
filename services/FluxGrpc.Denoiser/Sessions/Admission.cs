using System.Threading.Channels;
using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>
/// Opens sessions as long as their work is within bounds, lets others wait in a bounded queue and refuses the rest. Interactive
/// sessions come before batch ones (<see cref="PriorityTurns"/>), and the work of batch ones, which gives way to theirs at the
/// next step, does not keep them waiting. Within a priority nobody overtakes.
/// </summary>
internal sealed class Admission(AdmissionLimits limits)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly PriorityTurns _turns = new();
    private readonly HashSet<Place> _open = [];
    private readonly List<Place> _waiting = []; // In the order of arrival.
    private long _stepsDone;

    /// <summary>The work in hand.</summary>
    public Load Current
    {
        get
        {
            lock (_lock)
                return new Load(_open.Count, _waiting.Count, _open.Sum(place => place.Work), _stepsDone);
        }
    }

    /// <summary>Takes a place for a session, open or in the queue.</summary>
    /// <param name="steps">Steps it has still to do.</param>
    /// <param name="tokens">Image and text tokens of a step.</param>
    /// <param name="priority">Interactive or batch.</param>
    /// <param name="peer">Who calls: an IP address.</param>
    /// <returns>Frees the place when disposed.</returns>
    /// <exception cref="Grpc.Core.RpcException">RESOURCE_EXHAUSTED: the queue is full, or the peer has its share.</exception>
    public Place Enter(int steps, long tokens, Priority priority, string peer = "")
    {
        lock (_lock)
        {
            if (_open.Count + _waiting.Count >= limits.MaxSessions)
            {
                throw RpcErrors.ResourceExhausted(
                    "TOO_MANY_SESSIONS", $"{limits.MaxSessions} sessions are here, as many as there may be", _retryDelay);
            }

            if (limits.MaxSessionsPerPeer > 0 && _open.Concat(_waiting).Count(place => place.Peer == peer) >= limits.MaxSessionsPerPeer)
            {
                throw RpcErrors.ResourceExhausted("TOO_MANY_SESSIONS_OF_PEER",
                    $"{peer} has {limits.MaxSessionsPerPeer} sessions here, as many as a peer may have", _retryDelay);
            }

            var place = new Place(this, steps, tokens, priority, peer);
            _waiting.Add(place);
            OpenThoseThatFit();
            var queuedWork = _waiting.Sum(waiting => waiting.Work);
            if (!_open.Contains(place) && queuedWork > limits.MaxQueuedWork)
            {
                _waiting.Remove(place);
                throw RpcErrors.ResourceExhausted("QUEUE_FULL",
                    $"A session of {place.Work} steps times tokens would make {queuedWork} waiting; allowed: {limits.MaxQueuedWork}",
                    _retryDelay);
            }

            TellPlaces();
            return place;
        }
    }

    private void OpenThoseThatFit()
    {
        while (_waiting.Count > 0)
        {
            var batchWaits = First(Priority.Batch) is not null;
            var turn = _turns.Next(First(Priority.Interactive) is not null, batchWaits);
            var next = First(turn)!;
            if (!Fits(next))
                return;
            _turns.Count(turn, batchWaits);
            _waiting.Remove(next);
            _open.Add(next);
            next.Open();
        }
    }

    private Place? First(Priority priority) => _waiting.Find(place => place.Priority == priority);

    private bool Fits(Place place)
    {
        var ahead = _open.Where(open => place.Priority == Priority.Batch || open.Priority == Priority.Interactive).ToList();
        return ahead.Count == 0 || ahead.Sum(open => open.Work) + place.Work <= limits.MaxWork;
    }

    private void TellPlaces()
    {
        var ahead = 0;
        foreach (var place in _waiting.OrderBy(place => place.Priority)) // Interactive is the smaller; the order is stable.
            place.Tell(ahead++);
    }

    /// <summary>A session's place, from its opening to its end.</summary>
    internal sealed class Place(Admission admission, int steps, long tokens, Priority priority, string peer) : IDisposable
    {
        private readonly Channel<int> _ahead =
            Channel.CreateBounded<int>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

        private int _steps = steps;
        private int _lastTold = -1;

        /// <summary>Interactive or batch.</summary>
        public Priority Priority { get; } = priority;

        /// <summary>Who called.</summary>
        public string Peer { get; } = peer;

        /// <summary>Steps still to do times tokens.</summary>
        public long Work => _steps * tokens;

        /// <summary>
        /// The number of sessions ahead, again whenever it changes; ends when the session may open, at once where it need not wait.
        /// </summary>
        public IAsyncEnumerable<int> WaitAsync(CancellationToken cancellation) => _ahead.Reader.ReadAllAsync(cancellation);

        /// <summary>Counts an answered step.</summary>
        /// <param name="remainingSteps">Steps still to do after it.</param>
        public void CountStep(int remainingSteps)
        {
            lock (admission._lock)
            {
                _steps = remainingSteps;
                admission._stepsDone++;
                admission.OpenThoseThatFit();
                admission.TellPlaces();
            }
        }

        /// <summary>Gives the place to the next one.</summary>
        public void Dispose()
        {
            lock (admission._lock)
            {
                if (!admission._open.Remove(this) && !admission._waiting.Remove(this))
                    return;
                admission.OpenThoseThatFit();
                admission.TellPlaces();
            }
        }

        internal void Open() => _ahead.Writer.Complete();

        internal void Tell(int ahead)
        {
            if (ahead == _lastTold)
                return;
            _lastTold = ahead;
            _ahead.Writer.TryWrite(ahead);
        }
    }
}
