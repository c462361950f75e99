using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Halves both sides with a 3×3 convolution of stride 2, padded right and below only. Reference: <c>Downsample</c>.</summary>
public sealed class Downsample : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")] private readonly Conv2d _convolution;

    /// <summary>Makes a layer of C channels.</summary>
    public Downsample(long channels, Device? device = null) : base(nameof(Downsample))
    {
        _convolution = nn.Conv2d(channels, channels, kernel_size: 3, stride: 2, device: device);
        RegisterComponents();
    }

    /// <param name="x">Activations [B, C, h, w].</param>
    /// <returns>Activations [B, C, h/2, w/2].</returns>
    public override Tensor forward(Tensor x)
    {
        using var padded = nn.functional.pad(x, (0, 1, 0, 1));               // [B, C, h + 1, w + 1]
        return _convolution.call(padded);                                    // [B, C, h/2, w/2]
    }
}
