using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>The blocks of one resolution on the way down, then the change to the next. Reference: an entry of <c>down</c>.</summary>
internal sealed class DownLevel : nn.Module
{
    [ComponentName(Name = "block")] private readonly ModuleList<ResidualBlock> _blocks;
    [ComponentName(Name = "downsample")] private readonly Downsample? _downsample;

    /// <param name="config">The autoencoder's sizes.</param>
    /// <param name="level">Index of the level, 0 at the picture's own resolution.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public DownLevel(AutoEncoderConfig config, int level, ComputeKernels kernels, Device? device) : base(nameof(DownLevel))
    {
        var channels = config.LevelChannels[level];
        var before = config.LevelChannels[Math.Max(level - 1, 0)];
        _blocks = new ModuleList<ResidualBlock>([.. Enumerable.Range(0, config.BlocksPerLevel).Select(block =>
            new ResidualBlock(config, block == 0 ? before : channels, channels, kernels, device))]);
        if (level < config.LevelChannels.Count - 1)
            _downsample = new Downsample(channels, device);
        RegisterComponents();
    }

    /// <summary>The layers in the order of their use.</summary>
    public IEnumerable<nn.Module<Tensor, Tensor>> InOrder => _downsample is null ? _blocks : [.. _blocks, _downsample];
}
