namespace FluxGrpc.Denoiser.Sessions;

/// <summary>How much a replica takes on. Work is steps still to do times tokens (image and text) of a step.</summary>
/// <param name="MaxSessions">Largest number of sessions, open and waiting.</param>
/// <param name="MaxWork">Most work of the open sessions; one session alone may have more.</param>
/// <param name="MaxQueuedWork">Most work of the sessions that wait.</param>
internal sealed record AdmissionLimits(int MaxSessions, long MaxWork, long MaxQueuedWork)
{
    /// <summary>Largest number of sessions of one peer, open and waiting; 0: no limit of its own.</summary>
    public int MaxSessionsPerPeer { get; init; }

    /// <summary>The limits that the options set.</summary>
    public static AdmissionLimits Of(DenoiserOptions options) => new(options.MaxSessions, options.MaxWork, options.MaxQueuedWork)
    {
        MaxSessionsPerPeer = options.MaxSessionsPerPeer,
    };
}
