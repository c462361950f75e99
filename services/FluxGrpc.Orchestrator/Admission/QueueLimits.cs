namespace FluxGrpc.Orchestrator.Admission;

/// <summary>The bounds of a <see cref="WorkQueue"/>.</summary>
/// <param name="Running">Requests that run at once.</param>
/// <param name="QueuedWork">
/// Work that may wait ahead of a request together with its own. Batch requests count all, interactive ones only interactive ones:
/// a backlog of batch work does not shut them out.
/// </param>
/// <param name="BatchPatience">Wait after which a batch request gets a share of the places whatever else there is to do.</param>
internal sealed record QueueLimits(int Running, long QueuedWork, TimeSpan BatchPatience);
