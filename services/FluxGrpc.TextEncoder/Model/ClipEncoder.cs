using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>The blocks of CLIP's text model, one after the other. Reference: <c>CLIPEncoder</c>.</summary>
internal sealed class ClipEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "layers")] private readonly ModuleList<ClipBlock> _blocks;

    public ClipEncoder(ClipConfig config, ComputeKernels kernels, Device? device)
        : base(nameof(ClipEncoder))
    {
        _blocks = nn.ModuleList([.. Enumerable.Range(0, config.LayerCount).Select(_ => new ClipBlock(config, kernels, device))]);
        RegisterComponents();
    }

    /// <param name="hidden">[B, S, P].</param>
    /// <returns>[B, S, P].</returns>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        foreach (var block in _blocks)
            hidden = block.call(hidden);
        return hidden.MoveToOuterDisposeScope();
    }
}
