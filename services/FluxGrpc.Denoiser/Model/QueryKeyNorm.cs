using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Norms queries and keys head by head, so that their products stay bounded. Reference: <c>QKNorm</c>.</summary>
public sealed class QueryKeyNorm : nn.Module<QueryKeyValue, QueryKeyValue>
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

    /// <param name="heads">[B, H, T, d] each.</param>
    /// <returns>Normed query and key, and the value as it was.</returns>
    public override QueryKeyValue forward(QueryKeyValue heads) =>
        heads with { Query = _query.call(heads.Query), Key = _key.call(heads.Key) };
}
