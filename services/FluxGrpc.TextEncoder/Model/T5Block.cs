using FluxGrpc.Torch.Kernels;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Attention, then feed-forward, each normalised before and added to its input. Reference: <c>T5Block</c>.</summary>
internal sealed class T5Block : nn.Module<Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "layer")] private readonly Layers _layers;

    public T5Block(T5Config config, bool hasRelativeBias, ComputeKernels kernels, Device? device)
        : base(nameof(T5Block))
    {
        _layers = new Layers(config, hasRelativeBias, kernels, device);
        RegisterComponents();
    }

    /// <inheritdoc cref="T5Attention.PositionBias"/>
    public Tensor PositionBias(int length) => _layers.Attention.PositionBias(length);

    /// <param name="hidden">[B, L, C].</param>
    /// <param name="positionBias">[1, H, L, L], float32.</param>
    /// <returns>[B, L, C].</returns>
    public override Tensor forward(Tensor hidden, Tensor positionBias)
    {
        using var scope = NewDisposeScope();
        var attended = _layers.Attention.call(hidden, positionBias);
        return _layers.FeedForward.call(attended).MoveToOuterDisposeScope();
    }

    /// <summary>The two layers, which a checkpoint numbers.</summary>
    private sealed class Layers : nn.Module
    {
        [ComponentName(Name = "0")] public readonly AttentionLayer Attention;
        [ComponentName(Name = "1")] public readonly FeedForwardLayer FeedForward;

        public Layers(T5Config config, bool hasRelativeBias, ComputeKernels kernels, Device? device)
            : base(nameof(Layers))
        {
            Attention = new AttentionLayer(config, hasRelativeBias, kernels, device);
            FeedForward = new FeedForwardLayer(config, kernels, device);
            RegisterComponents();
        }
    }

    private sealed class AttentionLayer : nn.Module<Tensor, Tensor, Tensor>
    {
        [ComponentName(Name = "SelfAttention")] private readonly T5Attention _attention;
        [ComponentName(Name = "layer_norm")] private readonly T5LayerNorm _norm;

        public AttentionLayer(T5Config config, bool hasRelativeBias, ComputeKernels kernels, Device? device)
            : base(nameof(AttentionLayer))
        {
            _attention = new T5Attention(config, hasRelativeBias, kernels, device);
            _norm = new T5LayerNorm(config, kernels, device);
            RegisterComponents();
        }

        public Tensor PositionBias(int length) => _attention.PositionBias(length);

        public override Tensor forward(Tensor hidden, Tensor positionBias)
        {
            using var scope = NewDisposeScope();
            return (hidden + _attention.call(_norm.call(hidden), positionBias)).MoveToOuterDisposeScope();
        }
    }

    private sealed class FeedForwardLayer : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "DenseReluDense")] private readonly T5FeedForward _feedForward;
        [ComponentName(Name = "layer_norm")] private readonly T5LayerNorm _norm;

        public FeedForwardLayer(T5Config config, ComputeKernels kernels, Device? device)
            : base(nameof(FeedForwardLayer))
        {
            _feedForward = new T5FeedForward(config, kernels, device);
            _norm = new T5LayerNorm(config, kernels, device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor hidden)
        {
            using var scope = NewDisposeScope();
            return (hidden + _feedForward.call(_norm.call(hidden))).MoveToOuterDisposeScope();
        }
    }
}
