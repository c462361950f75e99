using FluxGrpc.Torch.Kernels;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Norms queries and keys head by head, so that their products stay bounded. Reference: <c>QKNorm</c>.</summary>
public sealed class QueryKeyNorm : nn.Module<Tensor, HeadProjection>
{
    [ComponentName(Name = "query_norm")] private readonly RmsNorm _query;
    [ComponentName(Name = "key_norm")] private readonly RmsNorm _key;

    /// <param name="headSize">Elements d of a head.</param>
    /// <param name="device">Device of the parameters.</param>
    public QueryKeyNorm(long headSize, Device? device = null) : base(nameof(QueryKeyNorm))
    {
        _query = new RmsNorm(headSize, device);
        _key = new RmsNorm(headSize, device);
        RegisterComponents();
    }

    /// <param name="projection">Queries, keys and values [B, T, 3·D].</param>
    /// <returns>The projection with its norms, for <see cref="ComputeKernels.JointAttention"/>.</returns>
    public override HeadProjection forward(Tensor projection) => new(projection, _query.Scale, _key.Scale);
}
