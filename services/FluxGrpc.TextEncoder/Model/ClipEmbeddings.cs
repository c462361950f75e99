using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Tokens plus learned positions. Reference: <c>CLIPTextEmbeddings</c>.</summary>
internal sealed class ClipEmbeddings : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "token_embedding")] private readonly Embedding _tokens;
    [ComponentName(Name = "position_embedding")] private readonly Embedding _positions;

    public ClipEmbeddings(ClipConfig config, Device? device)
        : base(nameof(ClipEmbeddings))
    {
        _tokens = nn.Embedding(config.VocabularySize, config.HiddenSize, device: device);
        _positions = nn.Embedding(config.PositionCount, config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="ids">[B, S], int64.</param>
    /// <returns>[B, S, P].</returns>
    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var positions = _positions.call(arange(ids.shape[1], device: ids.device));      // [S, P]
        return (_tokens.call(ids) + positions).MoveToOuterDisposeScope();
    }
}
