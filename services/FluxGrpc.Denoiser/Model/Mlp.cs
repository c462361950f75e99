using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Two layers with GELU in its tanh form between them, token by token. Reference: <c>img_mlp</c>, <c>txt_mlp</c>.</summary>
public sealed class Mlp : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "0")] private readonly Linear _in;
    [ComponentName(Name = "2")] private readonly Linear _out;

    /// <param name="config">Sizes.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public Mlp(TransformerConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(Mlp))
    {
        ArgumentNullException.ThrowIfNull(config);
        _kernels = kernels;
        _in = nn.Linear(config.HiddenSize, config.MlpSize, device: device);
        _out = nn.Linear(config.MlpSize, config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="x">Modulated tokens [B, T, D].</param>
    /// <returns>[B, T, D].</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _kernels.Linear(_out, _kernels.LinearGelu(_in, x)).MoveToOuterDisposeScope();
    }
}
