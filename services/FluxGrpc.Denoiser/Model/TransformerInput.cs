using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>What the velocity depends on; every sample has its own values. Letters: <see cref="FluxTransformer"/>.</summary>
public sealed record TransformerInput
{
    /// <summary>Packed latents [B, N, in channels], in the parameters' dtype. Reference: <c>img</c>.</summary>
    public required Tensor Latents { get; init; }

    /// <summary>T5 hidden states [B, L, C], in the parameters' dtype. Reference: <c>txt</c>.</summary>
    public required Tensor HiddenStates { get; init; }

    /// <summary>CLIP pooled vector [B, P], in the parameters' dtype. Reference: <c>y</c>.</summary>
    public required Tensor Pooled { get; init; }

    /// <summary>Timesteps t in [0, 1], [B], float32. Reference: <c>timesteps</c>.</summary>
    public required Tensor Timesteps { get; init; }

    /// <summary>Guidance strengths [B], float32; null where the model takes none. Reference: <c>guidance</c>.</summary>
    public Tensor? Guidance { get; init; }

    /// <summary>
    /// Positions of text and image tokens [B or 1, L + N, 3], from <see cref="Rope.Positions"/>. Reference: <c>txt_ids</c> ‖
    /// <c>img_ids</c>.
    /// </summary>
    public required Tensor Positions { get; init; }
}
