using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Picture to the moments of its latents. Reference: <c>Encoder</c>.</summary>
public sealed class Encoder : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "conv_in")] private readonly Conv2d _input;
    [ComponentName(Name = "down")] private readonly ModuleList<DownLevel> _levels;
    [ComponentName(Name = "mid")] private readonly MiddleBlocks _middle;
    [ComponentName(Name = "norm_out")] private readonly GroupNorm _outputNorm;
    [ComponentName(Name = "conv_out")] private readonly Conv2d _output;

    /// <summary>Makes the encoder.</summary>
    public Encoder(AutoEncoderConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(Encoder))
    {
        var last = config.LevelChannels[^1];
        _kernels = kernels;
        _input = Layers.Convolution3x3(AutoEncoderConfig.ImageChannels, config.LevelChannels[0], device);
        _levels = new ModuleList<DownLevel>([.. Enumerable.Range(0, config.LevelChannels.Count).Select(level =>
            new DownLevel(config, level, kernels, device))]);
        _middle = new MiddleBlocks(config, last, kernels, device);
        _outputNorm = Layers.Norm(config, last, device);
        _output = Layers.Convolution3x3(last, 2 * config.LatentChannels, device);
        RegisterComponents();
    }

    /// <summary>Type of the weights, in which the network computes.</summary>
    internal ScalarType WeightType => _input.weight.dtype;

    /// <param name="image">Picture [B, 3, H, W] in [-1, 1].</param>
    /// <returns>Mean, then log-variance: [B, 2Z, H/8, W/8], Z the latent channels.</returns>
    public override Tensor forward(Tensor image)
    {
        using var scope = NewDisposeScope();
        var hidden = _input.call(_kernels.ForConvolution(image));           // [B, C, H, W]
        foreach (var layer in _levels.SelectMany(level => level.InOrder).Concat(_middle.InOrder))
            hidden = layer.Consume(hidden);                                  // at last [B, C, H/8, W/8]
        hidden = _kernels.ConsumeNormSilu(_outputNorm, hidden);
        return _output.Consume(hidden).MoveToOuterDisposeScope();            // [B, 2Z, H/8, W/8]
    }
}
