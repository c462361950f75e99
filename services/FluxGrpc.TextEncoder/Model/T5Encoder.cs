using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>
/// The encoder of T5 v1.1, without attention mask: padding is attended like any token. Reference: <c>T5EncoderModel</c>.
/// </summary>
/// <remarks>Letters: B batch, L tokens, C hidden size, H heads, d head size, F feed-forward size. Overflows in float16.</remarks>
public sealed class T5Encoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "shared")] private readonly Embedding _embedding;
    [ComponentName(Name = "encoder")] private readonly Stack _stack;

    /// <summary>Builds the modules.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="device">Where the parameters are made; meta where a checkpoint fills them.</param>
    /// <param name="kernels">How to compute; null is the plain way, the one with gradients.</param>
    public T5Encoder(T5Config config, Device? device = null, ComputeKernels? kernels = null)
        : base(nameof(T5Encoder))
    {
        _embedding = nn.Embedding(config.VocabularySize, config.HiddenSize, device: device);
        _stack = new Stack(config, kernels ?? ComputeKernels.Plain, device);
        RegisterComponents();
    }

    /// <summary>Encodes token ids.</summary>
    /// <param name="ids">[B, L], int64, on the parameters' device.</param>
    /// <returns>Last hidden states [B, L, C] in the parameters' type.</returns>
    public override Tensor forward(Tensor ids) => Encode(ids, CancellationToken.None);

    /// <summary>As <see cref="forward"/>, giving up between two blocks when cancelled.</summary>
    /// <param name="ids">[B, L], int64, on the parameters' device.</param>
    /// <param name="cancellation">Ends the computation early.</param>
    /// <returns>Last hidden states [B, L, C] in the parameters' type.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Tensor Encode(Tensor ids, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        return _stack.Encode(_embedding.call(ids), cancellation).MoveToOuterDisposeScope();
    }

    private sealed class Stack : nn.Module
    {
        [ComponentName(Name = "block")] private readonly ModuleList<T5Block> _blocks;
        [ComponentName(Name = "final_layer_norm")] private readonly T5LayerNorm _finalNorm;

        public Stack(T5Config config, ComputeKernels kernels, Device? device)
            : base(nameof(Stack))
        {
            _blocks = nn.ModuleList([.. Enumerable.Range(0, config.LayerCount).Select(index =>
                new T5Block(config, index == 0, kernels, device))]);
            _finalNorm = new T5LayerNorm(config, kernels, device);
            RegisterComponents();
        }

        public Tensor Encode(Tensor embedded, CancellationToken cancellation)
        {
            using var scope = NewDisposeScope();
            var positionBias = _blocks[0].PositionBias(checked((int)embedded.shape[1]));
            var hidden = embedded;
            foreach (var block in _blocks)
            {
                cancellation.ThrowIfCancellationRequested();
                var output = block.call(hidden, positionBias);
                if (!ReferenceEquals(hidden, embedded))
                    hidden.Dispose(); // 24 of them would be 200 MB.
                hidden = output;
            }

            return _finalNorm.call(hidden).MoveToOuterDisposeScope();
        }
    }
}
