using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Requests;

/// <summary>How latents get from noise to the picture, apart from the schedule.</summary>
/// <param name="Sampler">How they follow the velocity.</param>
/// <param name="NegativePrompt">What not to draw; null without true guidance.</param>
/// <param name="TrueCfgScale">Strength of the true guidance; 1 without.</param>
/// <param name="StepCacheThreshold">Threshold of the denoiser's first-block cache; null where every step is computed.</param>
internal sealed record SamplingChoice(SamplerKind Sampler, string? NegativePrompt, float TrueCfgScale, float? StepCacheThreshold)
{
    private const float MaxTrueCfgScale = 100;
    private const float DefaultTrueCfgScale = 4;

    /// <summary>Velocities that a session's step takes: the last of Heun's method takes one, which is not worth telling apart.</summary>
    public int EvaluationsOfASession => Sampler == SamplerKind.Heun ? 2 : 1;

    /// <summary>Velocities that a step takes in all its sessions.</summary>
    public int EvaluationsPerStep => EvaluationsOfASession * (NegativePrompt is null ? 1 : 2);

    /// <summary>Checks the fields of a request.</summary>
    public static void Check(GenerateRequest message, RequestLimits limits, Violations violations)
    {
        if (!Enum.IsDefined(message.Sampler))
            violations.Add("sampler", $"is {(int)message.Sampler}; allowed: SAMPLER_EULER, SAMPLER_HEUN, SAMPLER_DPMPP_2M, or left out");
        if (message.NegativePrompt.Length > limits.MaxPromptLength)
            violations.Add("negative_prompt", $"has {message.NegativePrompt.Length} characters; allowed: at most {limits.MaxPromptLength}");
        if (message.HasTrueCfgScale && !message.HasNegativePrompt)
            violations.Add("true_cfg_scale", "is given without negative_prompt; allowed: both or none");
        if (message.HasTrueCfgScale)
            violations.CheckRange("true_cfg_scale", message.TrueCfgScale, 1, MaxTrueCfgScale);
        if (message.IncludeTensors && (message.Sampler == V1.Sampler.Heun || message.HasNegativePrompt))
            violations.Add("include_tensors", "is set for a step of several velocities; allowed: without negative_prompt and SAMPLER_HEUN");
        if (message.HasStepCacheThreshold && !(message.StepCacheThreshold > 0 && message.StepCacheThreshold <= 1))
        {
            violations.Add("step_cache_threshold", FormattableString.Invariant(
                $"is {message.StepCacheThreshold}; allowed: above 0 to 1, or left out"));
        }

        CheckSigmas(message, limits, violations);
    }

    /// <summary>Reads the fields of a request that was found good.</summary>
    public static SamplingChoice Of(GenerateRequest message)
    {
        var scale = message.HasTrueCfgScale ? message.TrueCfgScale : DefaultTrueCfgScale;
        var isGuided = message.HasNegativePrompt && scale != 1;
        return new SamplingChoice(
            message.Sampler switch
            {
                V1.Sampler.Heun => SamplerKind.Heun,
                V1.Sampler.Dpmpp2M => SamplerKind.DpmSolver2M,
                _ => SamplerKind.Euler,
            },
            isGuided ? message.NegativePrompt : null,
            isGuided ? scale : 1,
            message.HasStepCacheThreshold ? message.StepCacheThreshold : null);
    }

    private static void CheckSigmas(GenerateRequest message, RequestLimits limits, Violations violations)
    {
        var sigmas = message.Sigmas;
        if (sigmas.Count == 0)
            return;
        var steps = sigmas.Count - 1;
        if (steps < 1 || steps > limits.MaxSteps)
        {
            violations.Add("sigmas", $"has {sigmas.Count} values; allowed: 2 to {limits.MaxSteps + 1}");
            return;
        }

        if (message.HasSteps && message.Steps != steps)
            violations.Add("steps", $"is {message.Steps}, but sigmas are for {steps}; allowed: {steps}, or left out");
        for (var i = 0; i < sigmas.Count; i++)
        {
            var most = i == 0 ? 1 : float.BitDecrement(sigmas[i - 1]);
            if (!(sigmas[i] >= 0 && sigmas[i] <= most) || (i == steps && sigmas[i] != 0))
            {
                violations.Add($"sigmas[{i}]", FormattableString.Invariant(
                    $"is {sigmas[i]}; allowed: values falling from at most 1 to 0, the last one"));
                return;
            }
        }
    }
}
