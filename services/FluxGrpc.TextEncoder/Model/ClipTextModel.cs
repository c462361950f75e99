using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>CLIP's text model without its projection. Reference: <c>CLIPTextModel</c>.</summary>
/// <remarks>Letters: B batch, S tokens, P hidden size, H heads, d head size, F MLP size.</remarks>
public sealed class ClipTextModel : nn.Module<Tensor, (Tensor Hidden, Tensor Pooled)>
{
    [ComponentName(Name = "text_model")] private readonly Transformer _transformer;
    private readonly int _endTokenId;

    /// <summary>Builds the modules.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="device">Where the parameters are made; meta where a checkpoint fills them.</param>
    /// <param name="kernels">How to compute; null is the plain way, the one with gradients.</param>
    public ClipTextModel(ClipConfig config, Device? device = null, ComputeKernels? kernels = null)
        : base(nameof(ClipTextModel))
    {
        _transformer = new Transformer(config, kernels ?? ComputeKernels.Plain, device);
        _endTokenId = config.EndTokenId;
        RegisterComponents();
    }

    /// <summary>Encodes token ids.</summary>
    /// <param name="ids">[B, S], int64, on the parameters' device; each row holds the end token.</param>
    /// <returns>
    /// Output of the final layer norm [B, S, P], and of that the row at the first end token [B, P], both in the parameters' type.
    /// </returns>
    public override (Tensor Hidden, Tensor Pooled) forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var hidden = _transformer.call(ids);                                            // [B, S, P]
        var firstEnd = ids.eq(_endTokenId).to(ScalarType.Int32).argmax(1);              // [B]
        var samples = arange(ids.shape[0], device: ids.device);
        var pooled = hidden[TensorIndex.Tensor(samples), TensorIndex.Tensor(firstEnd)]; // [B, P]
        return (hidden.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope());
    }

    private sealed class Transformer : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "embeddings")] private readonly ClipEmbeddings _embeddings;
        [ComponentName(Name = "encoder")] private readonly ClipEncoder _encoder;
        [ComponentName(Name = "final_layer_norm")] private readonly LayerNorm _finalNorm;

        public Transformer(ClipConfig config, ComputeKernels kernels, Device? device)
            : base(nameof(Transformer))
        {
            _embeddings = new ClipEmbeddings(config, device);
            _encoder = new ClipEncoder(config, kernels, device);
            _finalNorm = nn.LayerNorm(config.HiddenSize, config.LayerNormEpsilon, device: device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor ids)
        {
            using var scope = NewDisposeScope();
            return _finalNorm.call(_encoder.call(_embeddings.call(ids))).MoveToOuterDisposeScope();
        }
    }
}
