using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// A block over text and image tokens in one sequence, attention and MLP side by side. Reference: <c>SingleStreamBlock</c>.
/// </summary>
public sealed class SingleStreamBlock : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    private readonly long[] _widths;
    [ComponentName(Name = "modulation")] private readonly Modulation _modulation;
    [ComponentName(Name = "linear1")] private readonly Linear _in;
    [ComponentName(Name = "norm")] private readonly QueryKeyNorm _norm;
    [ComponentName(Name = "linear2")] private readonly Linear _out;

    /// <param name="config">Sizes.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public SingleStreamBlock(TransformerConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(SingleStreamBlock))
    {
        _kernels = kernels;
        _widths = [3 * config.HiddenSize, config.MlpSize];
        _modulation = new Modulation(config, branches: 1, kernels, device);
        _in = nn.Linear(config.HiddenSize, _widths.Sum(), device: device);
        _norm = new QueryKeyNorm(config.HeadSize, device);
        _out = nn.Linear(config.HiddenSize + config.MlpSize, config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="x">Tokens, text first [B, L + N, D].</param>
    /// <param name="vec">Conditioning vector [B, D].</param>
    /// <param name="rope">Rotations of the L + N tokens, from <see cref="Rope.Table"/>.</param>
    /// <returns>[B, L + N, D].</returns>
    public override Tensor forward(Tensor x, Tensor vec, Tensor rope)
    {
        using var scope = NewDisposeScope();
        var branch = _modulation.call(vec)[0];
        var modulated = _kernels.NormModulate(x, branch.Shift, branch.Scale);
        var parts = _kernels.Linear(_in, modulated).split(_widths, dim: -1);
        var (projection, mlp) = (parts[0], parts[1]);                                    // [B, T, 3·D], [B, T, M]
        var attended = _kernels.JointAttention([_norm.call(projection)], rope);          // [B, T, D]
        var result = _kernels.Linear(_out, _kernels.JoinGelu(attended, mlp));            // [B, T, D]
        return _kernels.GatedSum(x, branch.Gate, result).MoveToOuterDisposeScope();
    }
}
