using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.V1;

namespace FluxGrpc.Denoiser;

/// <summary>This server among others of its kind: its name, and the work that it has in hand.</summary>
/// <param name="id">Its name, the same for its lifetime.</param>
/// <param name="admission">Who may come in.</param>
/// <param name="scheduler">Runs the steps.</param>
/// <param name="drain">How it ends.</param>
/// <param name="limits">How large its forward passes may be.</param>
internal sealed class Replica(string id, Admission admission, StepScheduler scheduler, Drain drain, Func<BatchLimits> limits)
{
    /// <summary>Its name.</summary>
    public string Id { get; } = id;

    /// <summary>Who may come in.</summary>
    public Admission Admission { get; } = admission;

    /// <summary>Runs the steps.</summary>
    public StepScheduler Scheduler { get; } = scheduler;

    /// <summary>How it ends.</summary>
    public Drain Drain { get; } = drain;

    /// <summary>How large its forward passes may be.</summary>
    public BatchLimits Limits => limits();

    /// <summary>How busy it is.</summary>
    public GetLoadResponse Describe(DenoiserOptions options)
    {
        var load = Admission.Current;
        var passes = Scheduler.Statistics;
        return new GetLoadResponse
        {
            ReplicaId = Id,
            Sessions = load.Sessions,
            WaitingSessions = load.WaitingSessions,
            QueuedWork = load.Work,
            MaxWork = options.MaxWork,
            StepsDone = load.StepsDone,
            WaitingSteps = passes.WaitingSteps,
            BatchesDone = passes.PassesDone,
            LastBatchSize = passes.LatestSize,
            MaxBatchSize = Limits.MaxSize,
            Draining = Drain.HasBegun,
            ResidentMemoryBytes = Environment.WorkingSet,
            LiveTensors = TorchSharp.torch.Tensor.TotalCount,
        };
    }
}
