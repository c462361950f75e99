namespace FluxGrpc.Denoiser.Batching;

/// <summary>What the scheduler has done and has before it.</summary>
/// <param name="PassesDone">Passes that have ended.</param>
/// <param name="LatestSize">Steps of the latest pass, which may still run; 0 before the first.</param>
/// <param name="WaitingSteps">Steps that wait for a pass.</param>
internal readonly record struct BatchStatistics(long PassesDone, int LatestSize, int WaitingSteps);
