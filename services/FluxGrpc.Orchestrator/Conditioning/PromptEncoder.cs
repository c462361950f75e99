using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Conditioning;

/// <summary>Has the text encoder turn the prompt into conditioning.</summary>
internal sealed class PromptEncoder(ModelTier tier)
{
    /// <summary>Encodes the prompt; the tensors stay as they were received, for the denoiser.</summary>
    /// <exception cref="RpcException">The text encoder failed.</exception>
    /// <exception cref="InvalidDataException">Its answer is not what its model info says.</exception>
    public async Task<TextEncoderServiceEncodeResponse> EncodeAsync(
        GenerationRequest request, ModelFacts facts, CallOptions options)
    {
        var message = new TextEncoderServiceEncodeRequest { Prompt = request.Prompt, MaxTokens = request.MaxTokens };
        if (request.T5Prompt is { } t5Prompt)
            message.T5Prompt = t5Prompt;

        var reply = await tier.TextEncoder.CallAsync(
            async call => await tier.TextEncoderClient.EncodeAsync(message, call), options);
        Check("hidden states", reply.HiddenStates, [1, request.MaxTokens, facts.TextEncoder.HiddenSize]);
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
