using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>A generation that does not need a caller.</summary>
/// <param name="id">Its name.</param>
/// <param name="request">What was asked for, as it came.</param>
/// <param name="reservedBytes">The most that its events will take.</param>
internal sealed class DetachedGeneration(string id, GenerateRequest request, long reservedBytes) : GenerationInHand(id, request)
{
    private int _callers;

    /// <summary>Its events.</summary>
    public EventLog Log { get; } = new();

    /// <summary>Bytes that are set aside for it: the most that its events can take, and what they take once it has ended.</summary>
    public long ReservedBytes { get; set; } = reservedBytes;

    /// <summary>When it ended, as a timestamp; null while it goes on.</summary>
    public long? Ended { get; set; }

    /// <summary>Completes when its work has ended, however it did.</summary>
    public Task Work { get; set; } = Task.CompletedTask;

    /// <summary>Callers that are reading its events.</summary>
    public int Callers => Volatile.Read(ref _callers);

    /// <summary>Counts a caller until the result is disposed.</summary>
    public IDisposable Attach()
    {
        Interlocked.Increment(ref _callers);
        return new Caller(this);
    }

    private sealed class Caller(DetachedGeneration generation) : IDisposable
    {
        private DetachedGeneration? _generation = generation;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _generation, null) is { } attached)
                Interlocked.Decrement(ref attached._callers);
        }
    }
}
