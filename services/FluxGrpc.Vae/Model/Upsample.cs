using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Doubles both sides by repeating each position, then a 3×3 convolution. Reference: <c>Upsample</c>.</summary>
public sealed class Upsample : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "conv")] private readonly Conv2d _convolution;

    /// <summary>Makes a layer of C channels.</summary>
    public Upsample(long channels, ComputeKernels kernels, Device? device = null) : base(nameof(Upsample))
    {
        _kernels = kernels;
        _convolution = Layers.Convolution3x3(channels, channels, device);
        RegisterComponents();
    }

    /// <param name="x">Activations [B, C, h, w].</param>
    /// <returns>Activations [B, C, 2h, 2w].</returns>
    public override Tensor forward(Tensor x) => _kernels.UpsampleConvolution(_convolution, x);
}
