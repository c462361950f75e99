using static TorchSharp.torch;

namespace FluxGrpc.Vae;

/// <summary>The denoiser's order of latents, in which 2×2 patches are tokens. Reference: <c>unpack</c>.</summary>
public static class LatentPacking
{
    private const int Patch = 2;

    /// <summary>"b (h w) (c 2 2) → b c (2h) (2w)".</summary>
    /// <param name="packed">Tokens [B, rows · columns, 4Z].</param>
    /// <param name="rows">Rows of the patch grid.</param>
    /// <param name="columns">Columns of the patch grid.</param>
    /// <returns>Latents [B, Z, 2 · rows, 2 · columns], contiguous.</returns>
    public static Tensor Unpack(Tensor packed, long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var (batch, channels) = (packed.shape[0], packed.shape[2] / (Patch * Patch));
        return packed.reshape(batch, rows, columns, channels, Patch, Patch)
            .permute(0, 3, 1, 4, 2, 5)                                       // [B, Z, rows, 2, columns, 2]
            .reshape(batch, channels, Patch * rows, Patch * columns)
            .MoveToOuterDisposeScope();
    }
}
