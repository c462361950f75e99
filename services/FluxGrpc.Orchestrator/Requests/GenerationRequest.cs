using System.Security.Cryptography;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Requests;

/// <summary>A picture order that can be carried out: every value is there and within the limits.</summary>
internal sealed record GenerationRequest
{
    private const int MaxIdLength = 128;
    private const int DrawnIdLength = 32;
    private const int LeastTokens = 2;

    private GenerationRequest()
    {
    }

    /// <summary>Name of the request, for logs.</summary>
    public required string Id { get; init; }

    /// <summary>What to draw; not empty.</summary>
    public required string Prompt { get; init; }

    /// <summary>Text for T5 alone, or null.</summary>
    public required string? T5Prompt { get; init; }

    /// <summary>Size of the images.</summary>
    public required PatchGrid Grid { get; init; }

    /// <summary>Guidance; null for models without.</summary>
    public required float? Guidance { get; init; }

    /// <summary>Seed of the first image.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Number of images.</summary>
    public required int Count { get; init; }

    /// <summary>T5 length L.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Timesteps, one more than steps.</summary>
    public required float[] Timesteps { get; init; }

    /// <summary>True where the caller gave the timesteps.</summary>
    public required bool HasOwnSigmas { get; init; }

    /// <summary>Also send the tensors.</summary>
    public required bool IncludeTensors { get; init; }

    /// <summary>Interactive or batch.</summary>
    public required Priority Priority { get; init; }

    /// <summary>Go on without the caller.</summary>
    public required bool Detached { get; init; }

    /// <summary>Sampler and true guidance.</summary>
    public required SamplingChoice Sampling { get; init; }

    /// <summary>The picture to start from; null for noise alone.</summary>
    public required StartPicture? Start { get; init; }

    /// <summary>Type of the pictures' files.</summary>
    public required ImageFormat Format { get; init; }

    /// <summary>A preview comes with every step whose number, from 1, this divides; 0 for none.</summary>
    public required int PreviewInterval { get; init; }

    /// <summary>Number of denoising steps.</summary>
    public int Steps => Timesteps.Length - 1;

    /// <summary>Work of a step: image and text tokens, for each velocity that it takes.</summary>
    public long StepWork => (long)(Grid.TokenCount + MaxTokens) * Sampling.EvaluationsPerStep;

    /// <summary>Work of the whole request: steps times tokens.</summary>
    public long Work => StepWork * Steps * Count;

    /// <summary>Seed of an image; wraps around after the largest.</summary>
    public ulong SeedOf(int image) => unchecked(Seed + (ulong)image);

    /// <summary>Reads a request.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT with one violation for each bad field.</exception>
    public static GenerationRequest Parse(GenerateRequest message, RequestLimits limits, ModelFacts facts)
    {
        var defaults = GenerationDefaults.Of(facts, limits);
        var violations = new Violations();
        var size = StartPicture.SizeOf(message, limits, violations) ?? (defaults.Grid.Width, defaults.Grid.Height);
        var width = message.HasWidth ? message.Width : size.Item1;
        var height = message.HasHeight ? message.Height : size.Item2;
        var steps = message.HasSteps ? message.Steps : message.Sigmas.Count > 0 ? message.Sigmas.Count - 1 : defaults.Steps;
        var count = message.HasCount ? message.Count : defaults.Count;
        var maxTokens = message.HasMaxTokens ? message.MaxTokens : defaults.MaxTokens;

        CheckText(violations, message, limits);
        CheckSize(violations, width, height, limits);
        if (message.Sigmas.Count == 0)
            violations.CheckRange("steps", steps, 1, limits.MaxSteps);
        CheckGuidance(violations, message, facts, limits);
        violations.CheckRange("count", count, 1, limits.MaxCount);
        violations.CheckRange("max_tokens", maxTokens, LeastTokens, limits.MaxTokens);
        CheckId(violations, message);
        CheckPriority(violations, message.Priority);
        SamplingChoice.Check(message, limits, violations);
        StartPicture.Check(message, violations);
        CheckFormat(violations, message.Format);
        CheckPreviews(violations, message.PreviewInterval, facts);
        violations.ThrowIfAny();

        var grid = PatchGrid.OfPixels(width, height);
        var start = StartPicture.Decode(message, grid);
        var timesteps = message.Sigmas.Count > 0 ? [.. message.Sigmas] : facts.Timesteps(steps, grid);
        return new GenerationRequest
        {
            Id = message.RequestId.Length > 0 ? message.RequestId : RandomNumberGenerator.GetHexString(DrawnIdLength, lowercase: true),
            Prompt = message.Prompt,
            T5Prompt = message.HasT5Prompt ? message.T5Prompt : null,
            Grid = grid,
            Guidance = message.HasGuidance ? message.Guidance : defaults.Guidance,
            Seed = message.HasSeed ? message.Seed : DrawSeed(),
            Count = count,
            MaxTokens = maxTokens,
            Timesteps = start is null ? timesteps : ImageToImage.Rest(timesteps, start.Strength),
            HasOwnSigmas = message.Sigmas.Count > 0,
            IncludeTensors = message.IncludeTensors,
            Detached = message.Detached,
            Priority = message.Priority == Priority.Batch ? Priority.Batch : Priority.Interactive,
            Sampling = SamplingChoice.Of(message),
            Start = start,
            Format = message.Format,
            PreviewInterval = message.PreviewInterval,
        };
    }

    /// <summary>As on the wire.</summary>
    public GenerationSettings ToSettings()
    {
        var settings = new GenerationSettings
        {
            Width = Grid.Width,
            Height = Grid.Height,
            Steps = Steps,
            Seed = Seed,
            Count = Count,
            MaxTokens = MaxTokens,
            Sigmas = { Timesteps },
            Sampler = Sampling.Sampler switch
            {
                SamplerKind.Heun => V1.Sampler.Heun,
                SamplerKind.DpmSolver2M => V1.Sampler.Dpmpp2M,
                _ => V1.Sampler.Euler,
            },
            Format = Format == ImageFormat.Unspecified ? ImageFormat.Png : Format,
        };
        if (Guidance is { } guidance)
            settings.Guidance = guidance;
        if (Sampling.NegativePrompt is not null)
            settings.TrueCfgScale = Sampling.TrueCfgScale;
        if (Sampling.StepCacheThreshold is { } threshold)
            settings.StepCacheThreshold = threshold;
        if (Start is not null)
            settings.Strength = Start.Strength;
        return settings;
    }

    private static void CheckText(Violations violations, GenerateRequest message, RequestLimits limits)
    {
        if (message.Prompt.Length == 0)
            violations.Add("prompt", $"is empty; allowed: 1 to {limits.MaxPromptLength} characters");
        CheckLength(violations, "prompt", message.Prompt, limits);
        CheckLength(violations, "t5_prompt", message.T5Prompt, limits);
    }

    private static void CheckLength(Violations violations, string field, string text, RequestLimits limits)
    {
        if (text.Length > limits.MaxPromptLength)
            violations.Add(field, $"has {text.Length} characters; allowed: at most {limits.MaxPromptLength}");
    }

    private static void CheckSize(Violations violations, int width, int height, RequestLimits limits)
    {
        var sidesFit = CheckSide(violations, "width", width, limits) & CheckSide(violations, "height", height, limits);
        if (sidesFit && (long)width * height > limits.MaxPixels)
        {
            var text = $"makes {(long)width * height} pixels ({width}×{height}); allowed: at most {limits.MaxPixels}";
            violations.Add("width", text).Add("height", text);
        }
    }

    private static bool CheckSide(Violations violations, string field, int side, RequestLimits limits)
    {
        if (side >= limits.MinSide && side <= limits.MaxSide && side % PatchGrid.PixelsPerPatch == 0)
            return true;
        violations.Add(field, $"is {side}; allowed: {limits.DescribeSides(side)}");
        return false;
    }

    private static void CheckGuidance(Violations violations, GenerateRequest message, ModelFacts facts, RequestLimits limits)
    {
        if (!message.HasGuidance)
            return;
        if (facts.IsGuidanceDistilled)
            violations.CheckRange("guidance", message.Guidance, 0, limits.MaxGuidance);
        else
            violations.Add("guidance", $"is given, but {facts.ModelName} takes none; allowed: leave it out");
    }

    private static void CheckId(Violations violations, GenerateRequest message)
    {
        var id = message.RequestId;
        if (message.Detached && id.Length == 0)
            violations.Add("request_id", "is empty; allowed for a detached request: a name that nobody guesses");
        if (message.Detached && message.IncludeTensors)
            violations.Add("include_tensors", "is set; allowed for a detached request: leave it out");
        if (id.Length > MaxIdLength || id.Any(character => character is < '!' or > '~'))
            violations.Add("request_id", $"is not a name; allowed: up to {MaxIdLength} visible ASCII characters");
    }

    private static void CheckPriority(Violations violations, Priority priority)
    {
        if (!Enum.IsDefined(priority))
            violations.Add("priority", $"is {(int)priority}; allowed: PRIORITY_INTERACTIVE, PRIORITY_BATCH, or left out");
    }

    private static void CheckFormat(Violations violations, ImageFormat format)
    {
        if (!Enum.IsDefined(format))
        {
            violations.Add("format", $"is {(int)format}; allowed: IMAGE_FORMAT_PNG, IMAGE_FORMAT_JPEG, IMAGE_FORMAT_WEBP, or left out");
        }
    }

    private static void CheckPreviews(Violations violations, int interval, ModelFacts facts)
    {
        if (interval < 0)
            violations.Add("preview_interval", $"is {interval}; allowed: 0 or more");
        else if (interval > 0 && facts.Vae.LatentColors is null)
        {
            violations.Add("preview_interval", $"is {interval}, but {facts.Vae.Component.ModelName} does not know the colors of its "
                + "latents (latent_rgb_factors); allowed: 0");
        }
    }

    /// <summary>32 bits: the generator takes no more, and they are easy to note down.</summary>
    private static ulong DrawSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt32(bytes);
    }
}
