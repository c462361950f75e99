namespace FluxGrpc.Orchestrator.Tier;

/// <summary>No replica that could do the work was there in time.</summary>
/// <param name="problems">What kept those that are known from it.</param>
/// <param name="isFull">True where one was there that could do it, and took no more for now.</param>
internal sealed class NoReplicaException(string problems, bool isFull) : Exception(problems)
{
    /// <summary>True where one was there that could do the work, and took no more for now.</summary>
    public bool IsFull { get; } = isFull;
}
