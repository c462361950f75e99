using FluxGrpc.Denoiser.Model;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser;

/// <summary>What stays the same over a session's steps, on the device. Letters: <see cref="FluxTransformer"/>.</summary>
/// <param name="HiddenStates">T5 hidden states [1, L, C], compute dtype.</param>
/// <param name="Pooled">CLIP pooled vector [1, P], compute dtype.</param>
/// <param name="Guidance">Guidance strength [1], float32, or null.</param>
/// <param name="Positions">Positions of all tokens [1, L + N, 3], float32.</param>
internal sealed record Conditioning(Tensor HiddenStates, Tensor Pooled, Tensor? Guidance, Tensor Positions) : IDisposable
{
    /// <summary>Copies an opening's tensors to the device. The caller owns the result, whatever scope is open.</summary>
    public static Conditioning Create(SessionOpening opening, ComputeDevice device)
    {
        using var scope = NewDisposeScope();
        var conditioning = new Conditioning(
            TensorConversion.ToTorch(opening.HiddenStates, device.Device, device.Type),
            TensorConversion.ToTorch(opening.Pooled, device.Device, device.Type),
            opening.Guidance is { } guidance ? tensor([guidance], ScalarType.Float32, device.Device) : null,
            Rope.Positions(opening.TextTokens, opening.Rows, opening.Columns, device.Device));
        scope.Detach(conditioning.HiddenStates, conditioning.Pooled, conditioning.Positions);
        conditioning.Guidance?.DetachFromDisposeScope();
        return conditioning;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        HiddenStates.Dispose();
        Pooled.Dispose();
        Guidance?.Dispose();
        Positions.Dispose();
    }
}
