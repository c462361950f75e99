using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// One stream's side of the joint attention: its projections before and after. The attention itself lies between, over both
/// streams. Reference: <c>SelfAttention</c>.
/// </summary>
public sealed class SelfAttention : nn.Module<Tensor, QueryKeyValue>
{
    private readonly long _headCount;
    [ComponentName(Name = "qkv")] private readonly Linear _queryKeyValue;
    [ComponentName(Name = "norm")] private readonly QueryKeyNorm _norm;
    [ComponentName(Name = "proj")] private readonly Linear _projection;

    /// <param name="config">Sizes.</param>
    /// <param name="device">Device of the parameters.</param>
    public SelfAttention(TransformerConfig config, Device? device = null) : base(nameof(SelfAttention))
    {
        _headCount = config.HeadCount;
        _queryKeyValue = nn.Linear(config.HiddenSize, 3 * config.HiddenSize, config.HasQueryKeyValueBias, device);
        _norm = new QueryKeyNorm(config.HeadSize, device);
        _projection = nn.Linear(config.HiddenSize, config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="x">Modulated tokens [B, T, D].</param>
    /// <returns>Normed queries and keys, and values, [B, H, T, d] each.</returns>
    public override QueryKeyValue forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var heads = QueryKeyValue.Split(_queryKeyValue.call(x), _headCount);
        return _norm.call(heads).MoveToOuterDisposeScope();
    }

    /// <summary>Mixes the heads of what was attended to.</summary>
    /// <param name="attended">[B, T, D].</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Project(Tensor attended) => _projection.call(attended);
}
