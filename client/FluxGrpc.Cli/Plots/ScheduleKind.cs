namespace FluxGrpc.Cli.Plots;

/// <summary>The two schedules of FLUX.1.</summary>
internal enum ScheduleKind
{
    /// <summary>Evenly spaced: schnell.</summary>
    Even,

    /// <summary>Shifted towards noise by the number of image tokens: dev.</summary>
    Shifted,
}
