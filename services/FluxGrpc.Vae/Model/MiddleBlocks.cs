using FluxGrpc.Torch.Kernels;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>The blocks at the lowest resolution, the only ones with attention. Reference: <c>mid</c> of both halves.</summary>
internal sealed class MiddleBlocks : nn.Module
{
    [ComponentName(Name = "block_1")] private readonly ResidualBlock _before;
    [ComponentName(Name = "attn_1")] private readonly AttentionBlock _attention;
    [ComponentName(Name = "block_2")] private readonly ResidualBlock _after;

    public MiddleBlocks(AutoEncoderConfig config, long channels, ComputeKernels kernels, Device? device) : base(nameof(MiddleBlocks))
    {
        _before = new ResidualBlock(config, channels, channels, kernels, device);
        _attention = new AttentionBlock(config, channels, kernels, device);
        _after = new ResidualBlock(config, channels, channels, kernels, device);
        RegisterComponents();
    }

    /// <summary>The blocks in the order of their use: [B, C, h, w] → [B, C, h, w].</summary>
    public IEnumerable<nn.Module<Tensor, Tensor>> InOrder => [_before, _attention, _after];
}
