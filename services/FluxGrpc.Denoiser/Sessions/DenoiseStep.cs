using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>A step that fits its session: it can only be made by <see cref="Parse"/>.</summary>
internal sealed record DenoiseStep
{
    private DenoiseStep()
    {
    }

    /// <summary>Index of the step.</summary>
    public required int Index { get; init; }

    /// <summary>True for the schedule's last step, after which none is expected.</summary>
    public required bool IsLast { get; init; }

    /// <summary>Timestep t in [0, 1].</summary>
    public required float Timestep { get; init; }

    /// <summary>Packed latents [1, N, in channels], FLOAT32 or BFLOAT16, finite.</summary>
    public required V1.Tensor Latents { get; init; }

    /// <summary>Reads a message after the first.</summary>
    /// <param name="request">The message.</param>
    /// <param name="opening">The session's opening.</param>
    /// <param name="config">Sizes of the model.</param>
    /// <param name="lastIndex">Index of the step answered last; null where there was none.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: the message is no valid step now.</exception>
    public static DenoiseStep Parse(DenoiseRequest request, SessionOpening opening, TransformerConfig config, int? lastIndex)
    {
        switch (request.MessageCase)
        {
            case DenoiseRequest.MessageOneofCase.None:
                throw Violations.Of("message", "is missing; after the opening each message must be a step");
            case DenoiseRequest.MessageOneofCase.Open:
                throw Violations.Of("open", "came a second time; a session has one opening");
        }

        var step = request.Step;
        var violations = new Violations();
        CheckIndex(step.Index, opening, lastIndex, violations);
        violations.CheckRange("step.timestep", step.Timestep, 0, 1);
        if (TensorMessage.ProblemOfFinite(step.Latents) is { } problem)
        {
            violations.Add("step.latents", problem);
        }
        else if (!Shape.Is(step.Latents, 1, opening.ImageTokens, config.InChannels))
        {
            violations.Add("step.latents", $"has shape {Shape.Format(step.Latents.Shape)}; allowed: "
                + $"[1, {opening.ImageTokens}, {config.InChannels}]");
        }

        violations.ThrowIfAny();
        return new DenoiseStep
        {
            Index = step.Index,
            IsLast = step.Index == opening.StepCount - 1,
            Timestep = step.Timestep,
            Latents = step.Latents,
        };
    }

    private static void CheckIndex(int index, SessionOpening opening, int? lastIndex, Violations violations)
    {
        var least = lastIndex ?? opening.FirstStepIndex;
        var most = Math.Min(lastIndex + 1 ?? opening.FirstStepIndex, opening.StepCount - 1);
        if (index < least || index > most)
            violations.Add("step.index", $"is {index}; allowed: {(least == most ? $"{least}" : $"{least} or {most}")}");
    }
}
