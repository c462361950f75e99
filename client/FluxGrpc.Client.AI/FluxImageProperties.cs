using System.Diagnostics.CodeAnalysis;
using FluxGrpc.V1;
using Microsoft.Extensions.AI;

namespace FluxGrpc.Client.AI;

/// <summary>
/// What <see cref="ImageGenerationOptions.AdditionalProperties"/> may hold: the names of <see cref="GenerateRequest"/>'s fields. A
/// name that is not among them, or a value of another type, is an <see cref="ArgumentException"/>; null counts as left out. Numbers
/// may be of any .NET type that loses nothing; values read from JSON are taken too.
/// </summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The names of the fields.")]
public static class FluxImageProperties
{
    /// <summary>Seed of the first image, an unsigned integer of 64 bits; image i has seed + i.</summary>
    public const string Seed = "seed";

    /// <summary>Denoising steps, an integer.</summary>
    public const string Steps = "steps";

    /// <summary>Strength of the distilled guidance, a number.</summary>
    public const string Guidance = "guidance";

    /// <summary>How far to leave the original image, a number above 0 to 1.</summary>
    public const string Strength = "strength";

    /// <summary>What not to draw, a text.</summary>
    public const string NegativePrompt = "negative_prompt";

    /// <summary>Strength of the negative prompt, a number from 1.</summary>
    public const string TrueCfgScale = "true_cfg_scale";

    /// <summary>Threshold of the first-block cache, a number above 0 to 1.</summary>
    public const string StepCacheThreshold = "step_cache_threshold";

    /// <summary>How the latents follow the velocity: a <see cref="V1.Sampler"/>, or "euler", "heun" or "dpmpp_2m".</summary>
    public const string Sampler = "sampler";

    /// <summary>Timesteps to use instead of the model's schedule: a sequence of numbers that falls from at most 1 to 0.</summary>
    public const string Sigmas = "sigmas";

    /// <summary>Text for T5 alone; CLIP then gets the prompt.</summary>
    public const string T5Prompt = "t5_prompt";

    /// <summary>T5 sequence length, an integer.</summary>
    public const string MaxTokens = "max_tokens";

    /// <summary>Whose work comes first: a <see cref="V1.Priority"/>, or "interactive" or "batch".</summary>
    public const string Priority = "priority";

    /// <summary>The request's name, a text; <see cref="FluxClient.CancelGenerationAsync"/> takes it.</summary>
    public const string RequestId = "request_id";

    /// <summary>Steps from one preview to the next, an integer; the previews are in the events that <see cref="Progress"/> gets.</summary>
    public const string PreviewInterval = "preview_interval";

    /// <summary>Who is told of all events on the way: an <see cref="IProgress{T}"/> of <see cref="GenerateResponse"/>.</summary>
    public const string Progress = "progress";
}
