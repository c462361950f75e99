using Grpc.Core;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>A generation that goes on, or is kept, under a name.</summary>
/// <param name="id">Its name.</param>
internal class GenerationInHand(string id)
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Its name.</summary>
    public string Id { get; } = id;

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
