using FluxGrpc.Denoiser.Model;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser;

/// <summary>
/// What stays the same over the steps of a session (B = 1), or of several in one batch, on the device. Letters:
/// <see cref="FluxTransformer"/>.
/// </summary>
/// <param name="hiddenStates">T5 hidden states [B, L, C], compute dtype.</param>
/// <param name="pooled">CLIP pooled vector [B, P], compute dtype.</param>
/// <param name="guidance">Guidance strength [B], float32, or null.</param>
/// <param name="positions">Positions of all tokens [1, L + N, 3], float32.</param>
internal sealed class Conditioning(Tensor hiddenStates, Tensor pooled, Tensor? guidance, Tensor positions) : IDisposable
{
    /// <summary>T5 hidden states [B, L, C].</summary>
    public Tensor HiddenStates { get; } = hiddenStates;

    /// <summary>CLIP pooled vector [B, P].</summary>
    public Tensor Pooled { get; } = pooled;

    /// <summary>Guidance strength [B], or null.</summary>
    public Tensor? Guidance { get; } = guidance;

    /// <summary>Positions of all tokens [1, L + N, 3].</summary>
    public Tensor Positions { get; } = positions;

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

    /// <summary>Puts sessions of equal grids and text lengths together. The caller owns the result, whatever scope is open.</summary>
    public static Conditioning Join(IReadOnlyList<Conditioning> members) => new(
        cat([.. members.Select(member => member.HiddenStates)]).DetachFromDisposeScope(),
        cat([.. members.Select(member => member.Pooled)]).DetachFromDisposeScope(),
        members[0].Guidance is null ? null : cat([.. members.Select(member => member.Guidance!)]).DetachFromDisposeScope(),
        members[0].Positions.alias().DetachFromDisposeScope());

    /// <inheritdoc/>
    public void Dispose()
    {
        HiddenStates.Dispose();
        Pooled.Dispose();
        Guidance?.Dispose();
        Positions.Dispose();
    }
}
