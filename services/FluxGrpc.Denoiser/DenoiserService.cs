using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Denoiser;

/// <summary>The contract's methods; the transformer behind them never sees a caller.</summary>
internal sealed class DenoiserService(
    ModelSlot<DenoiserModel> slot, Replica replica, SessionHandler sessions, DenoiserOptions options)
    : V1.DenoiserService.DenoiserServiceBase
{
    public override Task Denoise(IAsyncStreamReader<DenoiseRequest> requestStream,
        IServerStreamWriter<DenoiseResponse> responseStream, ServerCallContext context) =>
        sessions.ServeAsync(slot.Get(), requestStream, responseStream,
            context.GetHttpContext().Connection.RemoteIpAddress?.ToString() ?? "this machine", context.CancellationToken);

    public override Task<DenoiserServiceGetModelInfoResponse> GetModelInfo(
        DenoiserServiceGetModelInfoRequest request, ServerCallContext context)
    {
        var model = slot.Get();
        var config = model.Config;
        var batches = replica.Limits;
        return Task.FromResult(new DenoiserServiceGetModelInfoResponse
        {
            Component = model.Describe(options.MaxMessageBytes),
            Variant = model.Variant,
            InChannels = (int)config.InChannels,
            ContextSize = (int)config.ContextSize,
            PooledSize = (int)config.PooledSize,
            HiddenSize = (int)config.HiddenSize,
            HeadCount = (int)config.HeadCount,
            DoubleBlockCount = config.DoubleBlockCount,
            SingleBlockCount = config.SingleBlockCount,
            MaxImageTokens = options.MaxImageTokens,
            MaxTextTokens = options.MaxTextTokens,
            MaxSteps = options.MaxSteps,
            MaxSessions = options.MaxSessions,
            ReplicaId = replica.Id,
            MaxBatchSize = batches.MaxSize,
            MaxBatchTokens = batches.MaxTokens,
            BatchInvariant = batches.MaxSize == 1 || model.IsBatchInvariant,
        });
    }

    public override Task<GetLoadResponse> GetLoad(GetLoadRequest request, ServerCallContext context) =>
        Task.FromResult(replica.Describe(options));
}
