using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>A generation that goes on, or is kept, under a name.</summary>
/// <param name="id">Its name.</param>
/// <param name="request">What was asked for, as it came.</param>
internal class GenerationInHand(string id, GenerateRequest request)
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Its name.</summary>
    public string Id { get; } = id;

    /// <summary>What was asked for, as it came.</summary>
    public GenerateRequest Request { get; } = request;

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
