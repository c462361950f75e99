namespace FluxGrpc.Denoiser.Telemetry;

/// <summary>What the denoiser tells of its work.</summary>
/// <param name="Activities">Spans.</param>
/// <param name="Metrics">Numbers.</param>
internal sealed record DenoiserTelemetry(DenoiserActivities Activities, DenoiserMetrics Metrics);
