using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>Speaks the denoiser's protocol and fails, or waits, on demand.</summary>
internal sealed class ScriptedDenoiser : DenoiserService.DenoiserServiceBase
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(string Session, int Index)> _steps = [];
    private int _openSessions;

    public ScriptedDenoiser(string replicaId = "replica-1") => Info.ReplicaId = replicaId;

    public DenoiserServiceGetModelInfoResponse Info { get; set; } = SmallModels.Denoiser();

    /// <summary>Runs at each opening with its number, from 1; throws to refuse.</summary>
    public Action<int> OnOpen { get; set; } = _ => { };

    /// <summary>Runs before a session is accepted; may let it wait.</summary>
    public Func<IServerStreamWriter<DenoiseResponse>, ServerCallContext, Task> OnWaiting { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Runs at each step, before <see cref="OnStep"/>; may say something else first, or abort the call.</summary>
    public Func<DenoiseStep, IServerStreamWriter<DenoiseResponse>, ServerCallContext, Task> OnStepOf { get; set; } =
        (_, _, _) => Task.CompletedTask;

    /// <summary>Runs at each step; throws to fail.</summary>
    public Func<DenoiseStep, CancellationToken, Task> OnStep { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Runs at the last step of each session, with its name; may let it wait.</summary>
    public Func<string, CancellationToken, Task> OnLastStep { get; set; } = (_, _) => Task.CompletedTask;

    public int Openings { get; private set; }

    public int StepsDone { get; private set; }

    public List<OpenSession> Opened { get; } = [];

    /// <summary>All steps that arrived, with the names of their sessions.</summary>
    public IReadOnlyList<(string Session, int Index)> Steps
    {
        get
        {
            lock (_lock)
                return [.. _steps];
        }
    }

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
            var opening = requestStream.Current.Open;
            lock (_lock)
            {
                OnOpen(++Openings);
                Opened.Add(opening);
            }

            await OnWaiting(responseStream, context);
            await responseStream.WriteAsync(new DenoiseResponse
            {
                Accepted = new SessionAccepted { ReplicaId = Info.ReplicaId, ModelFingerprint = Info.Component.Fingerprint },
            });
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                var step = requestStream.Current.Step;
                lock (_lock)
                    _steps.Add((opening.SessionId, step.Index));
                await OnStepOf(step, responseStream, context);
                await OnStep(step, context.CancellationToken);
                if (step.Index == opening.Sigmas.Count - 2)
                    await OnLastStep(opening.SessionId, context.CancellationToken);
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
