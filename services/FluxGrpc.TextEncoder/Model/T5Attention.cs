using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>
/// Self-attention without mask and without 1/√d, positions entering as a learned bias. Scores and softmax are in float32.
/// Reference: <c>T5Attention</c>.
/// </summary>
internal sealed class T5Attention : nn.Module<Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "q")] private readonly Linear _query;
    [ComponentName(Name = "k")] private readonly Linear _key;
    [ComponentName(Name = "v")] private readonly Linear _value;
    [ComponentName(Name = "o")] private readonly Linear _output;
    [ComponentName(Name = "relative_attention_bias")] private readonly Embedding? _relativeBias;
    private readonly T5Config _config;
    private readonly ComputeKernels _kernels;

    /// <param name="config">Sizes.</param>
    /// <param name="hasRelativeBias">True in the first block, which holds the bias of all.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Where the parameters are made; meta where a checkpoint fills them.</param>
    public T5Attention(T5Config config, bool hasRelativeBias, ComputeKernels kernels, Device? device)
        : base(nameof(T5Attention))
    {
        _config = config;
        _kernels = kernels;
        var inner = config.HeadCount * config.HeadSize;
        _query = nn.Linear(config.HiddenSize, inner, hasBias: false, device: device);
        _key = nn.Linear(config.HiddenSize, inner, hasBias: false, device: device);
        _value = nn.Linear(config.HiddenSize, inner, hasBias: false, device: device);
        _output = nn.Linear(inner, config.HiddenSize, hasBias: false, device: device);
        _relativeBias = hasRelativeBias ? nn.Embedding(config.RelativeBucketCount, config.HeadCount, device: device) : null;
        RegisterComponents();
    }

    /// <summary>What the attention scores of all blocks get added.</summary>
    /// <param name="length">Sequence length L.</param>
    /// <returns>[1, H, L, L], float32.</returns>
    /// <exception cref="InvalidOperationException">Not the first block's.</exception>
    public Tensor PositionBias(int length)
    {
        if (_relativeBias is null)
            throw new InvalidOperationException("Only the first block holds the position bias");

        using var scope = NewDisposeScope();
        var buckets = RelativePosition.Buckets(length, _config.RelativeBucketCount, _config.RelativeMaxDistance);
        var ofDistance = _relativeBias.call(tensor(buckets, device: _relativeBias.weight!.device));     // [2L − 1, H]
        // Row i holds the biases from distance 1 − L + i on: read from the bottom, those of query 0, 1, …
        var rows = ofDistance.to(ScalarType.Float32).t().contiguous().unfold(1, length, 1);             // [H, L, L]
        return rows.flip(1).unsqueeze(0).MoveToOuterDisposeScope();
    }

    /// <param name="hidden">[B, L, C].</param>
    /// <param name="positionBias">See <see cref="PositionBias"/>: [1, H, L, L], float32.</param>
    /// <returns>[B, L, C], dtype of <paramref name="hidden"/>.</returns>
    public override Tensor forward(Tensor hidden, Tensor positionBias)
    {
        using var scope = NewDisposeScope();
        var query = SplitHeads(_kernels.Linear(_query, hidden));                       // [B, H, L, d]
        var key = SplitHeads(_kernels.Linear(_key, hidden));
        var value = SplitHeads(_kernels.Linear(_value, hidden));
        var weights = _kernels.BiasedSoftmax(query.matmul(key.transpose(2, 3)), positionBias);   // [B, H, L, L]
        var attended = weights.matmul(value);                                          // [B, H, L, d]
        return _kernels.Linear(_output, attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }

    // [B, L, H·d] → [B, H, L, d]
    private Tensor SplitHeads(Tensor projected) => projected.unflatten(2, [_config.HeadCount, _config.HeadSize]).transpose(1, 2);
}
