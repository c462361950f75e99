using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Two normalised 3×3 convolutions beside a short cut. Reference: <c>ResnetBlock</c>.</summary>
public sealed class ResidualBlock : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "norm1")] private readonly GroupNorm _norm1;
    [ComponentName(Name = "conv1")] private readonly Conv2d _conv1;
    [ComponentName(Name = "norm2")] private readonly GroupNorm _norm2;
    [ComponentName(Name = "conv2")] private readonly Conv2d _conv2;
    [ComponentName(Name = "nin_shortcut")] private readonly Conv2d? _shortcut;

    /// <summary>Makes a block of C channels in, D out; without a convolution in the short cut where they are equal.</summary>
    public ResidualBlock(AutoEncoderConfig config, long inChannels, long outChannels, ComputeKernels kernels, Device? device = null)
        : base(nameof(ResidualBlock))
    {
        _kernels = kernels;
        _norm1 = Layers.Norm(config, inChannels, device);
        _conv1 = Layers.Convolution3x3(inChannels, outChannels, device);
        _norm2 = Layers.Norm(config, outChannels, device);
        _conv2 = Layers.Convolution3x3(outChannels, outChannels, device);
        if (inChannels != outChannels)
            _shortcut = Layers.Convolution1x1(inChannels, outChannels, device);
        RegisterComponents();
    }

    /// <param name="x">Activations [B, C, h, w].</param>
    /// <returns>Activations [B, D, h, w].</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var hidden = _kernels.NormSilu(_norm1, x);
        hidden = _conv1.Consume(hidden);                                     // [B, D, h, w]
        hidden = _kernels.ConsumeNormSilu(_norm2, hidden);
        hidden = _conv2.Consume(hidden);
        return hidden.add_(_shortcut is null ? x : _shortcut.call(x)).MoveToOuterDisposeScope();
    }
}
