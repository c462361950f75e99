namespace FluxGrpc.Cli.Cluster;

/// <summary>A service of the cluster at a moment. What only denoisers have is null for the others, and where nobody could tell.</summary>
internal sealed record ServiceSnapshot
{
    /// <summary>Its name: "denoiser-2".</summary>
    public required string Name { get; init; }

    /// <summary>The system's id of its process.</summary>
    public required int ProcessId { get; init; }

    /// <summary>Where it listens.</summary>
    public required string Address { get; init; }

    /// <summary>Device that it computes on; empty for the orchestrator.</summary>
    public required string Device { get; init; }

    /// <summary>"starting", "serving", "restarting", "draining" or "ended".</summary>
    public required string State { get; init; }

    /// <summary>What the orchestrator has against a process that serves; null for nothing.</summary>
    public string? Problem { get; init; }

    /// <summary>Times that it was started again.</summary>
    public required int Restarts { get; init; }

    /// <summary>Open sessions.</summary>
    public int? Sessions { get; init; }

    /// <summary>Work that the orchestrator has given it: steps times tokens for denoisers, calls for the others.</summary>
    public long? OutstandingWork { get; init; }

    /// <summary>Steps in a forward pass, on average since its start.</summary>
    public double? MeanBatchSize { get; init; }

    /// <summary>Steps in the latest forward pass.</summary>
    public int? LastBatchSize { get; init; }

    /// <summary>Steps answered since its start.</summary>
    public long? StepsDone { get; init; }

    /// <summary>Resident memory in bytes.</summary>
    public required long ResidentMemoryBytes { get; init; }
}
