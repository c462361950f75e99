using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>Latents as the transformer takes them: one token for each patch of 2×2, ordered by channel, row, column within it.</summary>
internal static class LatentTokens
{
    /// <summary>[B, Z, 2·rows, 2·columns] → [B, rows·columns, 4·Z].</summary>
    public static Tensor Pack(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var (batch, channels, height, width) = (latents.shape[0], latents.shape[1], latents.shape[2], latents.shape[3]);
        return latents.reshape(batch, channels, height / 2, 2, width / 2, 2).permute(0, 2, 4, 1, 3, 5)
            .reshape(batch, height * width / 4, channels * 4).MoveToOuterDisposeScope();
    }

    /// <summary>[B, rows·columns, 4·Z] → [B, Z, 2·rows, 2·columns].</summary>
    public static Tensor Unpack(Tensor tokens, long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var (batch, channels) = (tokens.shape[0], tokens.shape[2] / 4);
        return tokens.reshape(batch, rows, columns, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
            .reshape(batch, channels, 2 * rows, 2 * columns).MoveToOuterDisposeScope();
    }
}
