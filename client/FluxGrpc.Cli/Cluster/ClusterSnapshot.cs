using FluxGrpc.Cluster.V1;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Cluster;

/// <summary>A cluster at a moment: its processes, and what its orchestrator says of them.</summary>
internal sealed record ClusterSnapshot
{
    /// <summary>The cluster's name.</summary>
    public required string Name { get; init; }

    /// <summary>The orchestrator's address; empty before it has first listened.</summary>
    public required string Address { get; init; }

    /// <summary>Why the orchestrator did not answer; null where it did.</summary>
    public string? Problem { get; init; }

    /// <summary>The orchestrator's work; null where it did not answer.</summary>
    public QueueSnapshot? Queue { get; init; }

    /// <summary>The prompts it remembers; null where it did not answer.</summary>
    public PromptCacheSnapshot? PromptCache { get; init; }

    /// <summary>All services.</summary>
    public required IReadOnlyList<ServiceSnapshot> Services { get; init; }

    /// <summary>Joins both sides; a service is known to them by its address.</summary>
    /// <param name="cluster">What the cluster says.</param>
    /// <param name="orchestrator">What the orchestrator says, or null where it did not answer.</param>
    /// <param name="problem">Why it did not.</param>
    public static ClusterSnapshot Of(GetProcessesResponse cluster, GetStatusResponse? orchestrator, string? problem) => new()
    {
        Name = cluster.ClusterName,
        Address = cluster.OrchestratorAddress,
        Problem = problem,
        Queue = orchestrator is null
            ? null
            : new(orchestrator.Generations, orchestrator.Waiting, orchestrator.QueuedWork, orchestrator.Detached),
        PromptCache = orchestrator?.PromptCache is { } cache
            ? new(cache.Entries, cache.Bytes, cache.MaxBytes, cache.Hits, cache.Misses)
            : null,
        Services =
        [
            .. cluster.Processes.Select(process =>
                Of(process, orchestrator?.Components.FirstOrDefault(component => component.Address == process.Address))),
        ],
    };

    private static ServiceSnapshot Of(ClusterProcess process, ComponentStatus? component) => new()
    {
        Name = process.Name,
        ProcessId = process.ProcessId,
        Address = process.Address,
        Device = process.Device,
        State = process.State.ToString().ToLowerInvariant(),
        Problem = component is { Ready: false } && process.State == ProcessState.Serving ? component.Problem : null,
        Restarts = process.Restarts,
        Sessions = component?.Load?.Sessions,
        OutstandingWork = component?.OutstandingWork,
        MeanBatchSize = component?.Load is { BatchesDone: > 0 } load ? (double)load.StepsDone / load.BatchesDone : null,
        LastBatchSize = component?.Load is { LastBatchSize: > 0 } latest ? latest.LastBatchSize : null,
        StepsDone = component?.Load?.StepsDone,
        ResidentMemoryBytes = process.ResidentMemoryBytes,
    };
}
