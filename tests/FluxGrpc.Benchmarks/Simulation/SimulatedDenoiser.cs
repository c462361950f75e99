using System.Collections.Concurrent;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>
/// A SIMULATION of a denoiser: it speaks the protocol with messages of the true sizes and sleeps the time of a step instead of
/// computing. Its velocity is zero.
/// </summary>
internal sealed class SimulatedDenoiser(string replicaId, TimeSpan stepTime) : DenoiserService.DenoiserServiceBase
{
    private readonly ConcurrentDictionary<int, Tensor> _zeros = new();
    private int _sessions;

    /// <summary>What it sleeps for.</summary>
    public SimulatedDevice Device { get; } = new(stepTime, TimeProvider.System);

    /// <inheritdoc/>
    public override async Task Denoise(
        IAsyncStreamReader<DenoiseRequest> requestStream, IServerStreamWriter<DenoiseResponse> responseStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext() || requestStream.Current.Open is null)
            throw Violations.Of("open", "is missing; required first");
        Interlocked.Increment(ref _sessions);
        try
        {
            await responseStream.WriteAsync(new DenoiseResponse
            {
                Accepted = new SessionAccepted
                {
                    ReplicaId = replicaId,
                    ModelFingerprint = SimulatedModels.Denoiser(replicaId).Component.Fingerprint,
                    WaitTime = TimeSpan.Zero.ToDuration(),
                },
            });
            await foreach (var request in requestStream.ReadAllAsync())
                await responseStream.WriteAsync(await AnswerAsync(request, context.CancellationToken));
        }
        finally
        {
            Interlocked.Decrement(ref _sessions);
        }
    }

    /// <inheritdoc/>
    public override Task<DenoiserServiceGetModelInfoResponse> GetModelInfo(
        DenoiserServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(SimulatedModels.Denoiser(replicaId));

    /// <inheritdoc/>
    public override Task<GetLoadResponse> GetLoad(GetLoadRequest request, ServerCallContext context) => Task.FromResult(new GetLoadResponse
    {
        ReplicaId = replicaId,
        Sessions = Volatile.Read(ref _sessions),
        StepsDone = Device.Steps,
        BatchesDone = Device.Steps,
        MaxBatchSize = 1,
    });

    private async Task<DenoiseResponse> AnswerAsync(DenoiseRequest request, CancellationToken cancellation)
    {
        var step = request.Step ?? throw Violations.Of("step", "is missing; required after the opening");
        var waited = await Device.RunStepAsync(cancellation);
        return new DenoiseResponse
        {
            StepResult = new StepResult
            {
                Index = step.Index,
                Velocity = _zeros.GetOrAdd(step.Latents.Data.Length, bytes => TensorMessage.Wrap(
                    step.Latents.DataType, new byte[bytes], [.. step.Latents.Shape])),
                ComputeTime = stepTime.ToDuration(),
                WaitTime = waited.ToDuration(),
                BatchSize = 1,
            },
        };
    }
}
