using FluxGrpc.Orchestrator.Sampling;
using Grpc.Core;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>One piece of work (a step, an encoding, a decoding) on its way from replica to replica until one has done it.</summary>
/// <param name="giveUpAt">When waiting and trying end.</param>
/// <param name="time">The clock.</param>
internal sealed class WorkAttempts(DateTimeOffset giveUpAt, TimeProvider time)
{
    /// <summary>Replicas that may be lost over it: work that kills whoever takes it must not go through the whole tier.</summary>
    private const int MostLosses = 8;

    private int _losses;

    /// <summary>Time left for waiting and trying.</summary>
    public TimeSpan TimeLeft => giveUpAt - time.GetUtcNow();

    /// <summary>The replica that failed last.</summary>
    public Replica? Avoid { get; private set; }

    /// <summary>What that replica's exchange threw.</summary>
    public Exception? LastFailure { get; private set; }

    /// <summary>Notes what a replica's exchange threw, here and at the replica.</summary>
    public void Note(Replica replica, Exception failure)
    {
        replica.NoteFailure(failure);
        (Avoid, LastFailure) = (replica, failure);
        if (failure is TimeoutRejectedException || (failure is RpcException rpc && ComponentErrors.IsTransport(rpc)))
            _losses++;
    }

    /// <summary>True where the work is worth another attempt after a failure.</summary>
    public bool Allow(Exception failure) => CanHelp(failure) && TimeLeft > TimeSpan.Zero && _losses < MostLosses;

    /// <summary>
    /// True for what another replica, or the same one later, may do better. DEADLINE_EXCEEDED is a replica's own: the caller's
    /// deadline is not over while there is time left.
    /// </summary>
    private static bool CanHelp(Exception failure) => failure switch
    {
        TimeoutRejectedException or BrokenCircuitException or SessionLostException => true,
        RpcException rpc => ComponentErrors.IsTransient(rpc) || ComponentErrors.IsOtherModel(rpc)
            || rpc.StatusCode == StatusCode.DeadlineExceeded,
        _ => false,
    };
}
