using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// One stream's side of the joint attention: its projections before and after. The attention itself lies between, over both
/// streams. Reference: <c>SelfAttention</c>.
/// </summary>
public sealed class SelfAttention : nn.Module<Tensor, HeadProjection>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "qkv")] private readonly Linear _queryKeyValue;
    [ComponentName(Name = "norm")] private readonly QueryKeyNorm _norm;
    [ComponentName(Name = "proj")] private readonly Linear _projection;

    /// <param name="config">Sizes.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public SelfAttention(TransformerConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(SelfAttention))
    {
        _kernels = kernels;
        _queryKeyValue = nn.Linear(config.HiddenSize, 3 * config.HiddenSize, config.HasQueryKeyValueBias, device);
        _norm = new QueryKeyNorm(config.HeadSize, device);
        _projection = nn.Linear(config.HiddenSize, config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="x">Modulated tokens [B, T, D].</param>
    /// <returns>Queries, keys and values [B, T, 3·D], with their norms.</returns>
    public override HeadProjection forward(Tensor x) => _norm.call(_kernels.Linear(_queryKeyValue, x));

    /// <summary>Mixes the heads of what was attended to.</summary>
    /// <param name="attended">[B, T, D].</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Project(Tensor attended) => _kernels.Linear(_projection, attended);
}
