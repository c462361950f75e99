using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>The blocks of one resolution on the way up, then the change to the next. Reference: an entry of <c>up</c>.</summary>
internal sealed class UpLevel : nn.Module
{
    [ComponentName(Name = "block")] private readonly ModuleList<ResidualBlock> _blocks;
    [ComponentName(Name = "upsample")] private readonly Upsample? _upsample;

    /// <param name="config">The autoencoder's sizes.</param>
    /// <param name="level">Index of the level, 0 at the picture's own resolution.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public UpLevel(AutoEncoderConfig config, int level, ComputeKernels kernels, Device? device) : base(nameof(UpLevel))
    {
        var channels = config.LevelChannels[level];
        var before = config.LevelChannels[Math.Min(level + 1, config.LevelChannels.Count - 1)];
        _blocks = new ModuleList<ResidualBlock>([.. Enumerable.Range(0, config.BlocksPerLevel + 1).Select(block =>
            new ResidualBlock(config, block == 0 ? before : channels, channels, kernels, device))]);
        if (level > 0)
            _upsample = new Upsample(channels, kernels, device);
        RegisterComponents();
    }

    /// <summary>The layers in the order of their use.</summary>
    public IEnumerable<nn.Module<Tensor, Tensor>> InOrder => _upsample is null ? _blocks : [.. _blocks, _upsample];
}
