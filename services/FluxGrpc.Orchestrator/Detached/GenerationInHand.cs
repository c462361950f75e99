using Grpc.Core;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>A generation that goes on, or is kept, under a name.</summary>
/// <param name="id">Its name.</param>
/// <param name="owner">Whose it is: the id of a key, or empty.</param>
internal class GenerationInHand(string id, string owner)
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Its name.</summary>
    public string Id { get; } = id;

    /// <summary>Whose it is: nobody else finds or cancels it.</summary>
    public string Owner { get; } = owner;

    /// <summary>Cancelled when it has to stop although its caller, if it has one, wants to go on.</summary>
    public CancellationToken Stopping => _stop.Token;

    /// <summary>Why it has to stop, for its callers; null where it has not.</summary>
    public RpcException? StopReason { get; private set; }

    /// <summary>Has it stop.</summary>
    /// <param name="reason">What its callers get.</param>
    public void Stop(RpcException reason)
    {
        StopReason ??= reason;
        _stop.Cancel();
    }
}
