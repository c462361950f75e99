using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>A generation that does not need a caller.</summary>
/// <param name="request">What was asked for, as it came; it has a name.</param>
/// <param name="mostEventBytes">The most that its events will take.</param>
/// <param name="owner">Whose it is: the id of a key, or empty.</param>
internal sealed class DetachedGeneration(GenerateRequest request, long mostEventBytes, string owner)
    : GenerationInHand(request.RequestId, owner)
{
    private readonly int _requestBytes = request.CalculateSize(); // It may hold a picture.
    private int _callers;

    /// <summary>What was asked for, as it came.</summary>
    public GenerateRequest Request { get; } = request;

    /// <summary>Its events.</summary>
    public EventLog Log { get; } = new();

    /// <summary>Bytes of its request, and the most that its events can take; once it has ended, what they do take.</summary>
    public long Bytes => _requestBytes + (Ended is null ? mostEventBytes : Log.Bytes);

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
