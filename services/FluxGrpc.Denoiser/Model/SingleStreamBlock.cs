using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// A block over text and image tokens in one sequence, attention and MLP side by side. Reference: <c>SingleStreamBlock</c>.
/// </summary>
public sealed class SingleStreamBlock : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly long _headCount;
    private readonly long[] _widths;
    [ComponentName(Name = "modulation")] private readonly Modulation _modulation;
    [ComponentName(Name = "linear1")] private readonly Linear _in;
    [ComponentName(Name = "norm")] private readonly QueryKeyNorm _norm;
    [ComponentName(Name = "mlp_act")] private readonly GELU _activation;
    [ComponentName(Name = "linear2")] private readonly Linear _out;

    /// <param name="config">Sizes.</param>
    /// <param name="device">Device of the parameters.</param>
    public SingleStreamBlock(TransformerConfig config, Device? device = null) : base(nameof(SingleStreamBlock))
    {
        _headCount = config.HeadCount;
        _widths = [3 * config.HiddenSize, config.MlpSize];
        _modulation = new Modulation(config, branches: 1, device);
        _in = nn.Linear(config.HiddenSize, _widths.Sum(), device: device);
        _norm = new QueryKeyNorm(config.HeadSize, device);
        _activation = nn.GELU(GELU.Approximate.tanh);
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
        var parts = _in.call(Modulation.Apply(x, branch.Shift, branch.Scale)).split(_widths, dim: -1);
        var (projection, mlp) = (parts[0], parts[1]);                                    // [B, T, 3·D], [B, T, M]
        var attended = Attention.Compute(_norm.call(QueryKeyValue.Split(projection, _headCount)), rope);
        var result = _out.call(cat([attended, _activation.call(mlp)], dim: -1));         // [B, T, D]
        return (x + branch.Gate * result).MoveToOuterDisposeScope();
    }
}
