using FluxGrpc.Tensors;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>The work in hand at a moment.</summary>
/// <param name="Sessions">Open sessions.</param>
/// <param name="QueuedWork">Steps still to do times tokens of a step, over all sessions.</param>
/// <param name="StepsDone">Steps answered since the start.</param>
internal readonly record struct Load(int Sessions, long QueuedWork, long StepsDone);

/// <summary>Counts this replica's sessions and their work, and bounds their number.</summary>
/// <param name="replicaId">Name of this replica.</param>
/// <param name="maxSessions">Largest number of open sessions.</param>
internal sealed class SessionRegistry(string replicaId, int maxSessions)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Load _load;

    /// <summary>Name of this replica, the same for its lifetime.</summary>
    public string ReplicaId { get; } = replicaId;

    /// <summary>The work in hand.</summary>
    public Load Current
    {
        get
        {
            lock (_lock)
                return _load;
        }
    }

    /// <summary>Counts a session in.</summary>
    /// <param name="remainingSteps">Steps it has still to do.</param>
    /// <param name="tokens">Image and text tokens of a step.</param>
    /// <returns>Counts the session out when disposed.</returns>
    /// <exception cref="Grpc.Core.RpcException">RESOURCE_EXHAUSTED: there are as many sessions as there may be.</exception>
    public Entry Enter(int remainingSteps, long tokens)
    {
        lock (_lock)
        {
            if (_load.Sessions >= maxSessions)
            {
                throw RpcErrors.ResourceExhausted(
                    "TOO_MANY_SESSIONS", $"{_load.Sessions} sessions are open, as many as there may be", _retryDelay);
            }

            _load = _load with { Sessions = _load.Sessions + 1, QueuedWork = _load.QueuedWork + remainingSteps * tokens };
            return new Entry(this, remainingSteps, tokens);
        }
    }

    /// <summary>One session's share of the load.</summary>
    internal sealed class Entry(SessionRegistry registry, int remainingSteps, long tokens) : IDisposable
    {
        private int _remainingSteps = remainingSteps;
        private bool _left;

        /// <summary>Counts an answered step.</summary>
        /// <param name="remainingSteps">Steps still to do after it.</param>
        public void CountStep(int remainingSteps)
        {
            lock (registry._lock)
            {
                registry._load = registry._load with
                {
                    QueuedWork = registry._load.QueuedWork - (_remainingSteps - remainingSteps) * tokens,
                    StepsDone = registry._load.StepsDone + 1,
                };
                _remainingSteps = remainingSteps;
            }
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (registry._lock)
            {
                if (_left)
                    return;
                _left = true;
                registry._load = registry._load with
                {
                    Sessions = registry._load.Sessions - 1,
                    QueuedWork = registry._load.QueuedWork - _remainingSteps * tokens,
                };
            }
        }
    }
}
