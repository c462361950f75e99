using FluxGrpc.Torch;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>What a forward pass gave.</summary>
/// <param name="Velocities">[1, N, out channels] for each step, in the type of its latents; whoever gets one disposes it.</param>
/// <param name="Reused">For each step, whether it took over what an earlier one's blocks did.</param>
/// <param name="Started">Timestamp of the pass's beginning.</param>
/// <param name="ComputeTime">Time in the model.</param>
internal sealed record BatchResult(
    IReadOnlyList<OutgoingTensor> Velocities, IReadOnlyList<bool> Reused, long Started, TimeSpan ComputeTime);

/// <summary>Runs the steps, whose keys are equal, in one forward pass; cancelled, it ends between two blocks.</summary>
internal delegate Task<BatchResult> RunBatch(IReadOnlyList<ScheduledStep> steps, CancellationToken cancellation);
