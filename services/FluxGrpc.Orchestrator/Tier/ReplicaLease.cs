namespace FluxGrpc.Orchestrator.Tier;

/// <summary>A piece of work that a replica was given; disposing it gives the rest of the work back.</summary>
internal sealed class ReplicaLease : IDisposable
{
    private readonly ReplicaSet _set;

    /// <summary>For <see cref="ReplicaSet"/> only.</summary>
    public ReplicaLease(ReplicaSet set, Replica replica)
    {
        _set = set;
        Replica = replica;
    }

    /// <summary>Who was given it.</summary>
    public Replica Replica { get; }

    /// <summary>What is left of it; belongs to the set.</summary>
    public long Work { get; set; }

    /// <summary>True while it counts among the replica's pieces; belongs to the set.</summary>
    public bool IsCounted { get; set; } = true;

    /// <summary>True when it was given back; belongs to the set.</summary>
    public bool IsReturned { get; set; }

    /// <summary>Part of the work is done.</summary>
    public void Finish(long work) => _set.Finish(this, work);

    /// <inheritdoc/>
    public void Dispose() => _set.Return(this);
}
