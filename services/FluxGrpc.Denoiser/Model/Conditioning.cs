using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// What stays the same over the steps of an image (B = 1), or of several in one batch, as the first layers make it: from
/// <see cref="FluxTransformer.Embed"/>. Letters: <see cref="FluxTransformer"/>.
/// </summary>
/// <param name="text">Text tokens [B, L, D].</param>
/// <param name="pooled">The pooled vector's part of the conditioning vector [B, D].</param>
/// <param name="guidance">The guidance's part of the conditioning vector [B, D], or null.</param>
/// <param name="rope">Rotations of all tokens [1 or B, 1, L + N, d/2], from <see cref="Rope.Table"/>.</param>
public sealed class Conditioning(Tensor text, Tensor pooled, Tensor? guidance, Tensor rope) : IDisposable
{
    /// <summary>Text tokens [B, L, D].</summary>
    public Tensor Text { get; } = text;

    /// <summary>The pooled vector's part of the conditioning vector [B, D].</summary>
    public Tensor Pooled { get; } = pooled;

    /// <summary>The guidance's part of the conditioning vector [B, D], or null where the model takes none.</summary>
    public Tensor? Guidance { get; } = guidance;

    /// <summary>Rotations of all tokens [1 or B, 1, L + N, d/2].</summary>
    public Tensor Rope { get; } = rope;

    /// <summary>Puts images of equal grids and text lengths together. The caller owns the result, whatever scope is open.</summary>
    public static Conditioning Join(IReadOnlyList<Conditioning> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        using var scope = NewDisposeScope();
        return new Conditioning(
            cat([.. members.Select(member => member.Text)]),
            cat([.. members.Select(member => member.Pooled)]),
            members[0].Guidance is null ? null : cat([.. members.Select(member => member.Guidance!)]),
            members[0].Rope.alias()).DetachFromDisposeScope();
    }

    /// <summary>Takes the tensors out of the scope that is open.</summary>
    /// <returns>This object, which is the caller's to dispose from now on.</returns>
    public Conditioning DetachFromDisposeScope()
    {
        Text.DetachFromDisposeScope();
        Pooled.DetachFromDisposeScope();
        Guidance?.DetachFromDisposeScope();
        Rope.DetachFromDisposeScope();
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Text.Dispose();
        Pooled.Dispose();
        Guidance?.Dispose();
        Rope.Dispose();
    }
}
