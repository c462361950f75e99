using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Hosting;

namespace FluxGrpc.Denoiser;

/// <summary>Speaks the Denoise protocol; the transformer behind <see cref="DenoiserModel"/> never sees a caller.</summary>
internal sealed class DenoiserService(
    ModelSlot<DenoiserModel> slot,
    SessionRegistry registry,
    DenoiserOptions options,
    IHostApplicationLifetime lifetime,
    TimeProvider time) : V1.DenoiserService.DenoiserServiceBase
{
    public override async Task Denoise(IAsyncStreamReader<DenoiseRequest> requestStream,
        IServerStreamWriter<DenoiseResponse> responseStream, ServerCallContext context)
    {
        var call = context.CancellationToken;
        var model = slot.Get();
        var idleLimit = TimeSpan.FromSeconds(options.IdleSeconds);
        var inbox = new SessionInbox(requestStream, idleLimit, time, lifetime.ApplicationStopping);
        if (await inbox.ReadAsync(call) is not { } first)
            throw Violations.Of("message", "is missing; the call ended before an opening");

        var opening = SessionOpening.Parse(first, model.Config, options);
        CheckFingerprint(opening.ExpectedFingerprint, model.Fingerprint);
        using var session = await DenoiseSession.OpenAsync(model, registry, opening, call);
        await responseStream.WriteAsync(Accepted(model), call);

        while (await inbox.ReadAsync(call) is { } request)
        {
            var step = session.ParseStep(request);
            using var prediction = await inbox.WatchAsync(cancellation => session.PredictVelocityAsync(step, cancellation), call);
            await responseStream.WriteAsync(Reply(step, prediction), call);
        }
    }

    public override Task<DenoiserServiceGetModelInfoResponse> GetModelInfo(
        DenoiserServiceGetModelInfoRequest request, ServerCallContext context)
    {
        var model = slot.Get();
        var config = model.Config;
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
            ReplicaId = registry.ReplicaId,
        });
    }

    public override Task<GetLoadResponse> GetLoad(GetLoadRequest request, ServerCallContext context)
    {
        var load = registry.Current;
        return Task.FromResult(new GetLoadResponse
        {
            ReplicaId = registry.ReplicaId,
            Sessions = load.Sessions,
            QueuedWork = load.QueuedWork,
            StepsDone = load.StepsDone,
            ResidentMemoryBytes = Environment.WorkingSet,
            LiveTensors = TorchSharp.torch.Tensor.TotalCount,
        });
    }

    private static void CheckFingerprint(string expected, string actual)
    {
        if (expected.Length > 0 && expected != actual)
        {
            throw RpcErrors.FailedPrecondition("FINGERPRINT_MISMATCH", "open.expected_fingerprint",
                $"open.expected_fingerprint is '{expected}'; the model here is '{actual}'");
        }
    }

    private DenoiseResponse Accepted(DenoiserModel model) => new()
    {
        Accepted = new SessionAccepted { ReplicaId = registry.ReplicaId, ModelFingerprint = model.Fingerprint },
    };

    private static DenoiseResponse Reply(Sessions.DenoiseStep step, Prediction prediction) => new()
    {
        StepResult = new StepResult
        {
            Index = step.Index,
            Velocity = prediction.Velocity.Message,
            ComputeTime = prediction.ComputeTime.ToDuration(),
            WaitTime = prediction.WaitTime.ToDuration(),
        },
    };
}
