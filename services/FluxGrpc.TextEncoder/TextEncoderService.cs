using FluxGrpc.Hosting;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.TextEncoder;

/// <summary>Speaks the text encoder's protocol: requests are checked here, <see cref="TextEncoderModel"/> computes.</summary>
internal sealed class TextEncoderService(ModelSlot<TextEncoderModel> slot, RequestLimit limit, TextEncoderMetrics metrics)
    : V1.TextEncoderService.TextEncoderServiceBase
{
    public override async Task<TextEncoderServiceEncodeResponse> Encode(
        TextEncoderServiceEncodeRequest request, ServerCallContext context)
    {
        var model = slot.Get();
        using var place = limit.Enter();
        var input = EncodeInput.Parse(request, model);
        var (hiddenStates, pooled, elapsed) = await model.EncodeAsync(input, context.CancellationToken);
        var answer = new TextEncoderServiceEncodeResponse
        {
            HiddenStates = Send(hiddenStates, context),
            Pooled = Send(pooled, context),
            T5Usage = input.T5Usage,
            ClipUsage = input.ClipUsage,
            ContentKey = ContentKey.Of(model.Info.Component.Fingerprint, input),
            ComputeTime = elapsed.ToDuration(),
            ModelFingerprint = model.Info.Component.Fingerprint,
        };
        metrics.NoteEncoding(input, answer);
        return answer;
    }

    public override Task<TokenizeResponse> Tokenize(TokenizeRequest request, ServerCallContext context)
    {
        var model = slot.Get();
        using var place = limit.Enter();
        var (t5, clip) = EncodeInput.Tokenize(request, model);
        return Task.FromResult(new TokenizeResponse
        {
            TokenizedPrompt = new TokenizedPrompt { T5TokenIds = { t5.Ids }, ClipTokenIds = { clip.Ids } },
            T5Usage = EncodeInput.Usage(t5),
            ClipUsage = EncodeInput.Usage(clip),
            T5Pieces = { t5.Pieces },
            ClipPieces = { clip.Pieces },
        });
    }

    public override Task<TextEncoderServiceGetModelInfoResponse> GetModelInfo(
        TextEncoderServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(slot.Get().Info.Clone());

    /// <summary>The reply's bytes are the tensor's, which therefore lives until the reply is written.</summary>
    private static V1.Tensor Send(OutgoingTensor tensor, ServerCallContext context)
    {
        context.GetHttpContext().Response.RegisterForDispose(tensor);
        return tensor.Message;
    }
}
