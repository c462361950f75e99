using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>A session, and the lease of the replica that has it.</summary>
internal sealed record HeldSession(ReplicaLease Lease, DenoiserSession Session) : IDisposable
{
    /// <summary>The replica that has it.</summary>
    public Replica Replica => Lease.Replica;

    /// <summary>Steps that it has done.</summary>
    public int StepsDone { get; set; }

    /// <summary>Cancels the call where it is not complete, and gives the lease back.</summary>
    public void Dispose()
    {
        Session.Dispose();
        Lease.Dispose();
    }
}
