using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>Speaks the denoiser's protocol and fails, or waits, on demand.</summary>
internal sealed class ScriptedDenoiser : DenoiserService.DenoiserServiceBase
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _openSessions;

    public DenoiserServiceGetModelInfoResponse Info { get; set; } = SmallModels.Denoiser();

    /// <summary>Runs at each opening with its number, from 1; throws to refuse.</summary>
    public Action<int> OnOpen { get; set; } = _ => { };

    /// <summary>Runs at each step; throws to fail.</summary>
    public Func<DenoiseStep, CancellationToken, Task> OnStep { get; set; } = (_, _) => Task.CompletedTask;

    public int Openings { get; private set; }

    public int StepsDone { get; private set; }

    public List<OpenSession> Opened { get; } = [];

    public int OpenSessions => Volatile.Read(ref _openSessions);

    /// <summary>Completes when the first session has ended, however it did.</summary>
    public Task Ended => _ended.Task;

    public override async Task Denoise(
        IAsyncStreamReader<DenoiseRequest> requestStream, IServerStreamWriter<DenoiseResponse> responseStream, ServerCallContext context)
    {
        Interlocked.Increment(ref _openSessions);
        try
        {
            await requestStream.MoveNext(context.CancellationToken);
            OnOpen(++Openings);
            Opened.Add(requestStream.Current.Open);
            await responseStream.WriteAsync(new DenoiseResponse
            {
                Accepted = new SessionAccepted { ReplicaId = Info.ReplicaId, ModelFingerprint = Info.Component.Fingerprint },
            });
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                var step = requestStream.Current.Step;
                await OnStep(step, context.CancellationToken);
                await responseStream.WriteAsync(new DenoiseResponse { StepResult = Answer(step) });
                StepsDone++;
            }
        }
        finally
        {
            Interlocked.Decrement(ref _openSessions);
            _ended.TrySetResult();
        }
    }

    public override Task<DenoiserServiceGetModelInfoResponse> GetModelInfo(
        DenoiserServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(Info);

    public override Task<GetLoadResponse> GetLoad(GetLoadRequest request, ServerCallContext context) =>
        Task.FromResult(new GetLoadResponse { ReplicaId = Info.ReplicaId, Sessions = OpenSessions });

    private static StepResult Answer(DenoiseStep step)
    {
        float[] velocity = [.. TensorMessage.ToFloats(step.Latents).Select(x => (x - 0.25f) / step.Timestep)];
        return new StepResult
        {
            Index = step.Index,
            Velocity = TensorMessage.FromFloats(velocity, [.. step.Latents.Shape]),
            ComputeTime = TimeSpan.FromMilliseconds(5).ToDuration(),
        };
    }
}
