namespace FluxGrpc.Cli.Cluster;

/// <summary>The orchestrator's work at a moment.</summary>
/// <param name="Generations">Generations in hand.</param>
/// <param name="Waiting">Requests that wait for their turn.</param>
/// <param name="QueuedWork">Steps times tokens of the requests that wait.</param>
/// <param name="Detached">Generations without a caller.</param>
internal sealed record QueueSnapshot(int Generations, int Waiting, long QueuedWork, int Detached);
