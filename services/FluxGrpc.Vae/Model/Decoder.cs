using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Latents, without scale and shift, to the picture. Reference: <c>Decoder</c>.</summary>
public sealed class Decoder : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "conv_in")] private readonly Conv2d _input;
    [ComponentName(Name = "mid")] private readonly MiddleBlocks _middle;
    [ComponentName(Name = "up")] private readonly ModuleList<UpLevel> _levels;
    [ComponentName(Name = "norm_out")] private readonly GroupNorm _outputNorm;
    [ComponentName(Name = "conv_out")] private readonly Conv2d _output;

    /// <summary>Makes the decoder.</summary>
    public Decoder(AutoEncoderConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(Decoder))
    {
        var last = config.LevelChannels[^1];
        _kernels = kernels;
        _input = Layers.Convolution3x3(config.LatentChannels, last, device);
        _middle = new MiddleBlocks(config, last, kernels, device);
        _levels = new ModuleList<UpLevel>([.. Enumerable.Range(0, config.LevelChannels.Count).Select(level =>
            new UpLevel(config, level, kernels, device))]);
        _outputNorm = Layers.Norm(config, config.LevelChannels[0], device);
        _output = Layers.Convolution3x3(config.LevelChannels[0], AutoEncoderConfig.ImageChannels, device);
        RegisterComponents();
    }

    /// <summary>Type of the weights, in which the network computes.</summary>
    internal ScalarType WeightType => _input.weight.dtype;

    /// <param name="z">Latents [B, Z, H/8, W/8].</param>
    /// <returns>Picture [B, 3, H, W], nominally in [-1, 1].</returns>
    public override Tensor forward(Tensor z)
    {
        using var scope = NewDisposeScope();
        var hidden = _input.call(_kernels.ForConvolution(z));               // [B, C, H/8, W/8]
        // Levels are numbered from the picture's own resolution, so the way up begins with the last.
        foreach (var layer in _middle.InOrder.Concat(_levels.Reverse().SelectMany(level => level.InOrder)))
            hidden = layer.Consume(hidden);                                  // at last [B, C, H, W]
        hidden = _kernels.ConsumeNormSilu(_outputNorm, hidden);
        return _output.Consume(hidden).MoveToOuterDisposeScope();            // [B, 3, H, W]
    }
}
