using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Requests;

/// <summary>What is done where a request leaves a field out.</summary>
/// <param name="Grid">The autoencoder's own picture size, within the limits.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Guidance">Guidance; null for models without.</param>
/// <param name="Count">Number of images.</param>
/// <param name="MaxTokens">T5 length L.</param>
internal sealed record GenerationDefaults(PatchGrid Grid, int Steps, float? Guidance, int Count, int MaxTokens)
{
    private const int DevSteps = 28;
    private const int SchnellSteps = 4;
    private const float DevGuidance = 3.5f;

    /// <summary>The defaults for these models.</summary>
    public static GenerationDefaults Of(ModelFacts facts, RequestLimits limits) => new(
        limits.SquareWithin(facts.Vae.SampleSize),
        Math.Min(facts.IsGuidanceDistilled ? DevSteps : SchnellSteps, limits.MaxSteps),
        facts.IsGuidanceDistilled ? Math.Min(DevGuidance, limits.MaxGuidance) : null,
        1,
        limits.MaxTokens);

    /// <summary>As on the wire; the seed is 0 and stands for one drawn for each request.</summary>
    public GenerationSettings ToSettings(ModelFacts facts)
    {
        var settings = new GenerationSettings
        {
            Width = Grid.Width,
            Height = Grid.Height,
            Steps = Steps,
            Count = Count,
            MaxTokens = MaxTokens,
            Sigmas = { facts.Timesteps(Steps, Grid) },
        };
        if (Guidance is { } guidance)
            settings.Guidance = guidance;
        return settings;
    }
}
