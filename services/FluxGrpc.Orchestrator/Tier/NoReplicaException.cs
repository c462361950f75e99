namespace FluxGrpc.Orchestrator.Tier;

/// <summary>No replica that could do the work was there in time.</summary>
/// <param name="problems">What kept those that are known from it.</param>
internal sealed class NoReplicaException(string problems) : Exception(problems);
