namespace FluxGrpc.Orchestrator.Tier;

/// <summary>Which replica is given the next piece of work.</summary>
internal static class LeastWork
{
    /// <summary>
    /// The replica with the least outstanding work; among equals the one with the fewest pieces, then the one that was chosen
    /// longest ago, so that idle replicas take turns.
    /// </summary>
    /// <param name="replicas">Those that can serve.</param>
    public static Replica? Choose(IEnumerable<Replica> replicas)
    {
        Replica? best = null;
        foreach (var replica in replicas)
        {
            if (best is null || Rank(replica).CompareTo(Rank(best)) < 0)
                best = replica;
        }

        return best;
    }

    private static (long Outstanding, int Pieces, long LastChoice) Rank(Replica replica) =>
        (replica.Outstanding, replica.Pieces, replica.LastChoice);
}
