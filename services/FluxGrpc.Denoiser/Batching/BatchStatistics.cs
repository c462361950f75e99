namespace FluxGrpc.Denoiser.Batching;

/// <summary>The forward passes so far.</summary>
/// <param name="PassesDone">Passes that have ended.</param>
/// <param name="LatestSize">Steps of the latest pass, which may still run; 0 before the first.</param>
internal sealed record BatchStatistics(long PassesDone, int LatestSize);
