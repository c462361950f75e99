using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Self-attention in which a token sees those before it and itself. Reference: <c>CLIPAttention</c>.</summary>
internal sealed class ClipAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "q_proj")] private readonly Linear _query;
    [ComponentName(Name = "k_proj")] private readonly Linear _key;
    [ComponentName(Name = "v_proj")] private readonly Linear _value;
    [ComponentName(Name = "out_proj")] private readonly Linear _output;
    private readonly int _headCount;
    private readonly ComputeKernels _kernels;

    public ClipAttention(ClipConfig config, ComputeKernels kernels, Device? device)
        : base(nameof(ClipAttention))
    {
        _query = nn.Linear(config.HiddenSize, config.HiddenSize, device: device);
        _key = nn.Linear(config.HiddenSize, config.HiddenSize, device: device);
        _value = nn.Linear(config.HiddenSize, config.HiddenSize, device: device);
        _output = nn.Linear(config.HiddenSize, config.HiddenSize, device: device);
        _headCount = config.HeadCount;
        _kernels = kernels;
        RegisterComponents();
    }

    /// <param name="hidden">[B, S, P].</param>
    /// <returns>[B, S, P].</returns>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var query = SplitHeads(_kernels.Linear(_query, hidden));                       // [B, H, S, d]
        var key = SplitHeads(_kernels.Linear(_key, hidden));
        var value = SplitHeads(_kernels.Linear(_value, hidden));
        var attended = nn.functional.scaled_dot_product_attention(query, key, value, is_casual: true);
        return _kernels.Linear(_output, attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }

    // [B, S, P] → [B, H, S, d]
    private Tensor SplitHeads(Tensor projected) => projected.unflatten(2, [_headCount, -1]).transpose(1, 2);
}
