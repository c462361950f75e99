using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Causal attention, then an MLP, each normalised before and added to its input. Reference: <c>CLIPEncoderLayer</c>.</summary>
internal sealed class ClipBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "layer_norm1")] private readonly LayerNorm _attentionNorm;
    [ComponentName(Name = "self_attn")] private readonly ClipAttention _attention;
    [ComponentName(Name = "layer_norm2")] private readonly LayerNorm _mlpNorm;
    [ComponentName(Name = "mlp")] private readonly ClipMlp _mlp;

    public ClipBlock(ClipConfig config, ComputeKernels kernels, Device? device)
        : base(nameof(ClipBlock))
    {
        _attentionNorm = nn.LayerNorm(config.HiddenSize, config.LayerNormEpsilon, device: device);
        _attention = new ClipAttention(config, kernels, device);
        _mlpNorm = nn.LayerNorm(config.HiddenSize, config.LayerNormEpsilon, device: device);
        _mlp = new ClipMlp(config, kernels, device);
        RegisterComponents();
    }

    /// <param name="hidden">[B, S, P].</param>
    /// <returns>[B, S, P].</returns>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var attended = hidden + _attention.call(_attentionNorm.call(hidden));
        return (attended + _mlp.call(_mlpNorm.call(attended))).MoveToOuterDisposeScope();
    }
}
