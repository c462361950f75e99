using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>A SIMULATION of a text encoder: conditioning of the true size (4 MiB), always the same, after a sleep.</summary>
internal sealed class SimulatedTextEncoder : TextEncoderService.TextEncoderServiceBase
{
    private static readonly TimeSpan _encodeTime = TimeSpan.FromMilliseconds(20);

    private static readonly Tensor _hiddenStates = Zeros(SimulatedModels.TextTokens, SimulatedModels.ContextSize);
    private static readonly Tensor _pooled = Zeros(SimulatedModels.PooledSize);

    /// <inheritdoc/>
    public override async Task<TextEncoderServiceEncodeResponse> Encode(
        TextEncoderServiceEncodeRequest request, ServerCallContext context)
    {
        await Task.Delay(_encodeTime, context.CancellationToken);
        return new TextEncoderServiceEncodeResponse
        {
            HiddenStates = _hiddenStates,
            Pooled = _pooled,
            T5Usage = new TokenUsage { TokenCount = 8, Limit = SimulatedModels.TextTokens },
            ClipUsage = new TokenUsage { TokenCount = 8, Limit = 77 },
            ContentKey = request.Prompt,
        };
    }

    /// <inheritdoc/>
    public override Task<TextEncoderServiceGetModelInfoResponse> GetModelInfo(
        TextEncoderServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(SimulatedModels.TextEncoder);

    private static Tensor Zeros(params long[] shape) => TensorMessage.Wrap(
        DataType.Bfloat16, new byte[sizeof(ushort) * shape.Aggregate(1L, (product, size) => product * size)], [1, .. shape]);
}
