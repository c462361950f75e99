using FluxGrpc.Denoiser.Sessions;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>A step on its way through the scheduler.</summary>
/// <param name="member">Whose step it is.</param>
/// <param name="step">Timestep and latents.</param>
/// <param name="arrivedAt">On the scheduler's clock.</param>
/// <param name="cancellation">Cancelled when its caller has gone.</param>
internal sealed class ScheduledStep(
    BatchMember member, DenoiseStep step, TimeSpan arrivedAt, CancellationToken cancellation = default)
{
    /// <summary>Whose step it is.</summary>
    public BatchMember Member { get; } = member;

    /// <summary>Timestep and latents.</summary>
    public DenoiseStep Step { get; } = step;

    /// <summary>When it came, on the scheduler's clock.</summary>
    public TimeSpan ArrivedAt { get; } = arrivedAt;

    /// <summary>Cancelled when its caller has gone.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>The answer; cancelled where the step was withdrawn before it began, or its pass broken off.</summary>
    public TaskCompletionSource<Prediction> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
