using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Requests;

/// <summary>The bounds of a request: the orchestrator's own options where they are narrower than the models' limits.</summary>
internal sealed record RequestLimits
{
    /// <summary>Longest prompt in UTF-16 code units.</summary>
    public required int MaxPromptLength { get; init; }

    /// <summary>Least width and height in pixels.</summary>
    public required int MinSide { get; init; }

    /// <summary>Largest width and height in pixels.</summary>
    public required int MaxSide { get; init; }

    /// <summary>Largest width · height.</summary>
    public required long MaxPixels { get; init; }

    /// <summary>Largest number of steps.</summary>
    public required int MaxSteps { get; init; }

    /// <summary>Largest guidance.</summary>
    public required float MaxGuidance { get; init; }

    /// <summary>Largest number of images.</summary>
    public required int MaxCount { get; init; }

    /// <summary>Largest T5 length L.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>The bounds that hold for these models.</summary>
    public static RequestLimits Of(OrchestratorOptions options, ModelFacts facts) => new()
    {
        MaxPromptLength = Math.Min(options.MaxPromptLength, facts.TextEncoder.MaxPromptLength),
        MinSide = options.MinSide,
        MaxSide = options.MaxSide,
        MaxPixels = Math.Min(options.MaxPixels, facts.MaxPixels),
        MaxSteps = Math.Min(options.MaxSteps, facts.Denoiser.MaxSteps),
        MaxGuidance = options.MaxGuidance,
        MaxCount = options.MaxCount,
        MaxTokens = facts.MaxTokens,
    };

    /// <summary>The largest allowed square no larger than a wish, or the least one.</summary>
    public PatchGrid SquareWithin(int side)
    {
        var allowed = RoundDown(Math.Clamp(side, MinSide, MaxSide));
        while (allowed > MinSide && (long)allowed * allowed > MaxPixels)
            allowed -= PatchGrid.PixelsPerPatch;
        return PatchGrid.OfPixels(allowed, allowed);
    }

    /// <summary>The allowed size that is nearest to a picture's, its sides in about the same relation.</summary>
    public (int Width, int Height) Fit(int width, int height)
    {
        var scale = Math.Min(1, Math.Min((double)MaxSide / Math.Max(width, height), Math.Sqrt(MaxPixels / ((double)width * height))));
        var (fitWidth, fitHeight) = (Near(width * scale), Near(height * scale));
        while ((long)fitWidth * fitHeight > MaxPixels)
        {
            if (fitWidth > fitHeight)
                fitWidth -= PatchGrid.PixelsPerPatch;
            else
                fitHeight -= PatchGrid.PixelsPerPatch;
        }

        return (fitWidth, fitHeight);

        int Near(double side) => Math.Clamp(
            (int)Math.Round(side / PatchGrid.PixelsPerPatch) * PatchGrid.PixelsPerPatch, MinSide, RoundDown(MaxSide));
    }

    /// <summary>What is allowed for a side, and the one or two allowed values nearest to a wish, as text.</summary>
    public string DescribeSides(int wish)
    {
        var below = RoundDown(Math.Clamp(wish, MinSide, MaxSide));
        var above = wish > below && below < MaxSide && wish >= MinSide ? $" and {below + PatchGrid.PixelsPerPatch}" : "";
        return $"multiples of {PatchGrid.PixelsPerPatch} from {MinSide} to {MaxSide}; nearest: {below}{above}";
    }

    /// <summary>As on the wire.</summary>
    /// <param name="options">Also bound how many requests run and wait.</param>
    public GenerationLimits ToMessage(OrchestratorOptions options) => new()
    {
        MaxPromptLength = MaxPromptLength,
        MinSide = MinSide,
        MaxSide = MaxSide,
        MaxPixels = MaxPixels,
        MaxSteps = MaxSteps,
        MaxGuidance = MaxGuidance,
        MaxCount = MaxCount,
        MaxGenerations = options.MaxGenerations,
        MaxQueuedWork = options.MaxQueuedWork,
    };

    private static int RoundDown(int side) => side / PatchGrid.PixelsPerPatch * PatchGrid.PixelsPerPatch;
}
