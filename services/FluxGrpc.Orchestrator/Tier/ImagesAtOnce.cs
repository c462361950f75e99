using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// How many images of one request are denoised side by side. Each denoiser can have one; one that batches can have several, where the
/// options allow it and the images are small, since a pass of few tokens leaves much of a device idle. Large images take it a whole pass
/// each: there the first one would only be done later.
/// </summary>
internal static class ImagesAtOnce
{
    /// <summary>Image and text tokens that are worth putting together in a pass.</summary>
    public const long TokensOfPass = 4096;

    /// <summary>The number for the denoisers that serve now, at least 1.</summary>
    /// <param name="denoisers">The denoisers.</param>
    /// <param name="fingerprint">The model that the request needs.</param>
    /// <param name="request">The request.</param>
    /// <param name="mostOfDenoiser">Images that a denoiser may have at once; 0 for as many as do not show.</param>
    public static int Count(ReplicaSet denoisers, string fingerprint, GenerationRequest request, int mostOfDenoiser)
    {
        if (request.IncludeTensors)
            return 1; // A recording is of one image after another.
        var sessions = request.Sampling.NegativePrompt is null ? 1 : 2;
        var tokens = (long)request.Grid.TokenCount + request.MaxTokens;
        return Math.Max(1, denoisers.Replicas
            .Where(replica => replica.Serves(fingerprint))
            .Select(replica => replica.Model?.Info)
            .OfType<DenoiserServiceGetModelInfoResponse>()
            .Sum(denoiser => Math.Clamp(SharedPass(denoiser, tokens) / sessions, 1, Most(denoiser, mostOfDenoiser))));
    }

    private static int Most(DenoiserServiceGetModelInfoResponse denoiser, int mostOfDenoiser) =>
        mostOfDenoiser > 0 ? mostOfDenoiser : denoiser.BatchInvariant ? OrchestratorOptions.SharedImages : 1;

    /// <summary>Steps of as many tokens that the denoiser runs in one pass, where that is worthwhile.</summary>
    private static int SharedPass(DenoiserServiceGetModelInfoResponse denoiser, long tokens)
    {
        var most = Math.Min(denoiser.MaxBatchSize, denoiser.MaxSessions);
        return (int)Math.Min(most, Math.Min(denoiser.MaxBatchTokens, TokensOfPass) / tokens);
    }
}
