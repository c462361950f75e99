using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>Speaks the text encoder's protocol and fails on demand.</summary>
internal sealed class ScriptedTextEncoder : TextEncoderService.TextEncoderServiceBase
{
    public TextEncoderServiceGetModelInfoResponse Info { get; set; } = SmallModels.TextEncoder();

    /// <summary>Runs at each call with its number, from 1; throws to refuse.</summary>
    public Action<int> OnEncode { get; set; } = _ => { };

    public int Calls { get; private set; }

    public TextEncoderServiceEncodeRequest? LastRequest { get; private set; }

    public override Task<TextEncoderServiceEncodeResponse> Encode(TextEncoderServiceEncodeRequest request, ServerCallContext context)
    {
        LastRequest = request;
        OnEncode(++Calls);
        var hidden = Enumerable.Range(0, request.MaxTokens * SmallModels.HiddenSize).Select(i => i * 0.5f).ToArray();
        return Task.FromResult(new TextEncoderServiceEncodeResponse
        {
            HiddenStates = TensorMessage.FromFloats(hidden, 1, request.MaxTokens, SmallModels.HiddenSize),
            Pooled = TensorMessage.FromFloats([1, 2, 3, 4, 5], 1, SmallModels.PooledSize),
            ModelFingerprint = Info.Component.Fingerprint,
            T5Usage = new TokenUsage { TokenCount = 3, Limit = request.MaxTokens },
            ClipUsage = new TokenUsage { TokenCount = 80, Limit = 77, Truncated = true, DroppedText = "end" },
        });
    }

    public override Task<TextEncoderServiceGetModelInfoResponse> GetModelInfo(
        TextEncoderServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(Info);
}
