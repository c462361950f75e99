using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>softmax(q·kᵀ/√d)·v over all tokens, with rotary positions. Reference: <c>attention</c>.</summary>
public static class Attention
{
    /// <param name="heads">[B, H, T, d] each, not yet turned.</param>
    /// <param name="rope">Rotations of the T tokens, from <see cref="Rope.Table"/>.</param>
    /// <returns>[B, T, D], heads side by side.</returns>
    public static Tensor Compute(QueryKeyValue heads, Tensor rope)
    {
        using var scope = NewDisposeScope();
        var query = Rope.Apply(heads.Query, rope);
        var key = Rope.Apply(heads.Key, rope);
        var attended = query.requires_grad && query.device_type == DeviceType.CPU
            ? Trainable(query, key, heads.Value)
            : nn.functional.scaled_dot_product_attention(query, key, heads.Value);             // [B, H, T, d]
        return attended.transpose(1, 2).flatten(2).MoveToOuterDisposeScope();                  // [B, T, D]
    }

    /// <summary>Written out: on a CPU the fused kernel's gradient takes twenty times as long in bfloat16 as these four.</summary>
    private static Tensor Trainable(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        var scores = query.matmul(key.transpose(2, 3)) / Math.Sqrt(query.shape[3]);            // [B, H, T, T]
        return scores.softmax(-1).matmul(value).MoveToOuterDisposeScope();                     // [B, H, T, d]
    }
}
