using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>One stream of tokens before their attention, and how its queries and keys are to be normed.</summary>
/// <param name="Joined">Queries, keys and values [B, T, 3·D]: see <see cref="QueryKeyValue.Split"/>.</param>
/// <param name="QueryScale">Learned scale of the queries' RMSNorm [d].</param>
/// <param name="KeyScale">Learned scale of the keys' RMSNorm [d].</param>
public readonly record struct HeadProjection(Tensor Joined, Tensor QueryScale, Tensor KeyScale)
{
    /// <summary>Tokens T.</summary>
    public long Tokens => Joined.shape[1];

    /// <summary>Elements d of a head.</summary>
    public long HeadSize => QueryScale.shape[0];

    /// <summary>Heads H.</summary>
    public long HeadCount => Joined.shape[2] / (3 * HeadSize);
}
