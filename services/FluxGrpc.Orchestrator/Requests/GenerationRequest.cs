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

    /// <summary>Also send the tensors.</summary>
    public required bool IncludeTensors { get; init; }

    /// <summary>Interactive or batch.</summary>
    public required Priority Priority { get; init; }

    /// <summary>Go on without the caller.</summary>
    public required bool Detached { get; init; }

    /// <summary>Number of denoising steps.</summary>
    public int Steps => Timesteps.Length - 1;

    /// <summary>Work of a step: image and text tokens.</summary>
    public long StepWork => Grid.TokenCount + MaxTokens;

    /// <summary>Work of the whole request: steps times tokens.</summary>
    public long Work => StepWork * Steps * Count;

    /// <summary>Seed of an image; wraps around after the largest.</summary>
    public ulong SeedOf(int image) => unchecked(Seed + (ulong)image);

    /// <summary>Reads a request.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT with one violation for each bad field.</exception>
    public static GenerationRequest Parse(GenerateRequest message, RequestLimits limits, ModelFacts facts)
    {
        var defaults = GenerationDefaults.Of(facts, limits);
        var width = message.HasWidth ? message.Width : defaults.Grid.Width;
        var height = message.HasHeight ? message.Height : defaults.Grid.Height;
        var steps = message.HasSteps ? message.Steps : defaults.Steps;
        var count = message.HasCount ? message.Count : defaults.Count;
        var maxTokens = message.HasMaxTokens ? message.MaxTokens : defaults.MaxTokens;

        var violations = new Violations();
        CheckText(violations, message, limits);
        CheckSize(violations, width, height, limits);
        violations.CheckRange("steps", steps, 1, limits.MaxSteps);
        CheckGuidance(violations, message, facts, limits);
        violations.CheckRange("count", count, 1, limits.MaxCount);
        violations.CheckRange("max_tokens", maxTokens, LeastTokens, limits.MaxTokens);
        CheckId(violations, message);
        CheckPriority(violations, message.Priority);
        violations.ThrowIfAny();

        var grid = PatchGrid.OfPixels(width, height);
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
            Timesteps = facts.Timesteps(steps, grid),
            IncludeTensors = message.IncludeTensors,
            Detached = message.Detached,
            Priority = message.Priority == Priority.Batch ? Priority.Batch : Priority.Interactive,
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
        };
        if (Guidance is { } guidance)
            settings.Guidance = guidance;
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

    /// <summary>32 bits: the generator takes no more, and they are easy to note down.</summary>
    private static ulong DrawSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt32(bytes);
    }
}
