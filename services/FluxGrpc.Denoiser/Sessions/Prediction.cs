using FluxGrpc.Torch;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>A step's answer.</summary>
/// <param name="Velocity">[1, N, out channels], in the type of the step's latents.</param>
/// <param name="ComputeTime">Time in the model, of the whole pass.</param>
/// <param name="WaitTime">Time between the step's arrival and the start of the computation.</param>
/// <param name="BatchSize">Steps that ran in the same forward pass.</param>
/// <param name="Reused">True where only the first block ran.</param>
internal sealed record Prediction(
    OutgoingTensor Velocity, TimeSpan ComputeTime, TimeSpan WaitTime, int BatchSize, bool Reused) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Velocity.Dispose();
}
