using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Conditioning;

/// <summary>Turns prompts into conditioning: remembers them, or has the text encoder do it.</summary>
internal sealed class PromptEncoder(ModelTier tier, EmbeddingCache cache)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Encodes a prompt; the tensors stay as they were received, for the denoiser, and must not be changed.</summary>
    /// <param name="prompt">The prompt, possibly empty.</param>
    /// <param name="t5Prompt">Text for T5 alone, or null.</param>
    /// <param name="maxTokens">T5 length L.</param>
    /// <param name="facts">The models that it is encoded for.</param>
    /// <param name="options">Deadline and cancellation of the caller.</param>
    /// <returns>The conditioning, and whether the text encoder was spared a call.</returns>
    /// <exception cref="RpcException">The text encoder failed, or has another model by now.</exception>
    /// <exception cref="InvalidDataException">Its answer is not what its model info says.</exception>
    public Task<(TextEncoderServiceEncodeResponse Encoded, bool Cached)> EncodeAsync(
        string prompt, string? t5Prompt, int maxTokens, ModelFacts facts, CallOptions options)
    {
        var key = new EmbeddingKey(prompt, t5Prompt, maxTokens, facts.TextEncoder.Component.Fingerprint);
        return cache.GetAsync(key, shared => AskAsync(key, facts, shared), options);
    }

    private async Task<TextEncoderServiceEncodeResponse> AskAsync(EmbeddingKey key, ModelFacts facts, CallOptions options)
    {
        var message = new TextEncoderServiceEncodeRequest { Prompt = key.Prompt, MaxTokens = key.MaxTokens };
        if (key.T5Prompt is { } t5Prompt)
            message.T5Prompt = t5Prompt;

        var reply = await tier.TextEncoders.CallAsync(key.Fingerprint, async (channel, call) =>
            await new TextEncoderService.TextEncoderServiceClient(channel).EncodeAsync(message, call), options);
        if (reply.ModelFingerprint.Length > 0 && reply.ModelFingerprint != key.Fingerprint)
        {
            throw RpcErrors.Unavailable(
                "MODEL_CHANGED", "The text encoder has another model than a moment ago; ask again", _retryDelay);
        }

        Check("hidden states", reply.HiddenStates, [1, key.MaxTokens, facts.TextEncoder.HiddenSize]);
        Check("pooled vector", reply.Pooled, [1, facts.TextEncoder.PooledSize]);
        return reply;
    }

    private static void Check(string name, Tensor? tensor, ReadOnlySpan<long> shape)
    {
        if (TensorMessage.Problem(tensor, DataType.Float32, DataType.Bfloat16) is { } problem)
            throw new InvalidDataException($"The text encoder's {name} {problem}");
        if (!Shape.Is(tensor!, shape))
        {
            throw new InvalidDataException(
                $"The text encoder's {name} has shape {Shape.Format(tensor!.Shape)}, not {Shape.Format(shape.ToArray())}");
        }
    }
}
