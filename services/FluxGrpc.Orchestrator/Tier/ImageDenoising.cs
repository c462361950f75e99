using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>Takes the images of one request through their steps at the denoisers, one or several at a time.</summary>
/// <param name="order">What to do.</param>
/// <param name="tier">The services.</param>
/// <param name="options">Deadline and cancellation of the caller.</param>
/// <param name="gate">Lets each step pass, or has the image wait while other work comes first.</param>
/// <param name="time">Measures the steps.</param>
internal sealed class ImageDenoising(
    DenoisingOrder order, ModelTier tier, CallOptions options, IStepGate gate, TimeProvider time)
{
    private const int MaxSessionIdLength = 128;

    private readonly LatentPreview? _preview =
        order.Request.PreviewInterval > 0 ? LatentPreview.TryCreate(order.Facts.Vae) : null;

    private readonly StageClock _steps = new(time);
    private int _replicaChanges;
    private int _repeatedSteps;
    private int _reusedSteps;

    /// <summary>Time of the steps so far; that of steps side by side counts once.</summary>
    public TimeSpan Elapsed => _steps.Elapsed;

    /// <summary>Times that an image went on at another denoiser; without the images in hand.</summary>
    public int ReplicaChanges => Volatile.Read(ref _replicaChanges);

    /// <summary>Steps that were sent again because their denoiser was lost; without the images in hand.</summary>
    public int RepeatedSteps => Volatile.Read(ref _repeatedSteps);

    /// <summary>Steps that took over what an earlier one's blocks did.</summary>
    public int ReusedSteps => Volatile.Read(ref _reusedSteps);

    /// <summary>Takes one image to its last step.</summary>
    /// <param name="index">The image's place in the request.</param>
    /// <param name="image">The image; moved on by each step.</param>
    /// <returns>A step event for each step, as the caller asks for it, the changes of denoiser between them, and the image's places in
    /// the queue while it has to pause.</returns>
    /// <inheritdoc cref="WorkRetries.ExecuteAsync{T}" path="/exception"/>
    /// <exception cref="InvalidDataException">A denoiser answered nonsense.</exception>
    public async IAsyncEnumerable<GenerateResponse> RunAsync(int index, DenoisingImage image)
    {
        using var session = new GuidedSession(
            image,
            Session(index, image, order.Conditioning, "positive"),
            order.Negative is null ? null : Session(index, image, order.Negative, "negative"),
            order.Request.Sampling.TrueCfgScale);
        Task<StepResult> PredictAsync(int step, float timestep, Tensor latents) =>
            _steps.MeasureAsync(() => session.PredictVelocityAsync(step, timestep, latents));

        while (!image.IsDone)
        {
            await foreach (var place in gate.WaitForTurnAsync(options.CancellationToken))
                yield return new GenerateResponse { Queued = place };

            await foreach (var step in DenoiseLoop.RunAsync(image, PredictAsync, time))
            {
                if (step.Result.Reused)
                    Interlocked.Increment(ref _reusedSteps);
                foreach (var change in session.TakeChanges())
                    yield return new GenerateResponse { ReplicaChanged = change };
                yield return new GenerateResponse { Step = Describe(step, index, session.ReplicaId) };
                if (gate.MustPause)
                    break;
            }

            await session.CompleteAsync();
        }

        Interlocked.Add(ref _replicaChanges, session.Changes);
        Interlocked.Add(ref _repeatedSteps, session.RepeatedSteps);
    }

    private MovableSession Session(int index, DenoisingImage image, TextEncoderServiceEncodeResponse conditioning, string role)
    {
        var id = order.Negative is null ? $"{index}/{order.Request.Id}" : $"{index}/{role}/{order.Request.Id}";
        var opening = new OpenSession
        {
            SessionId = id[..Math.Min(id.Length, MaxSessionIdLength)],
            HiddenStates = conditioning.HiddenStates,
            Pooled = conditioning.Pooled,
            Grid = image.Grid.ToMessage(),
            Sigmas = { image.Timesteps },
            Priority = order.Request.Priority,
            ExpectedFingerprint = order.Facts.Denoiser.Component.Fingerprint,
        };
        if (order.Request.Guidance is { } guidance)
            opening.Guidance = guidance;
        if (order.Request.Sampling.StepCacheThreshold is { } threshold)
            opening.StepCacheThreshold = threshold;
        return new MovableSession(tier.Denoisers, opening, order.Request.Sampling.EvaluationsOfASession, index, options, time);
    }

    private StepCompleted Describe(CompletedStep step, int image, string replica) => new()
    {
        ImageIndex = image,
        StepIndex = step.Index,
        Steps = order.Request.Steps,
        Elapsed = step.Elapsed.ToDuration(),
        ComputeTime = step.Result.ComputeTime,
        ReplicaId = replica,
        BatchSize = step.Result.BatchSize,
        Reused = step.Result.Reused,
        Latents = order.Request.IncludeTensors ? step.Latents : null,
        Velocity = order.Request.IncludeTensors ? step.Result.Velocity : null,
        Preview = Preview(step),
    };

    private ByteString Preview(CompletedStep step) =>
        _preview is not null && (step.Index + 1) % order.Request.PreviewInterval == 0
            ? UnsafeByteOperations.UnsafeWrap(_preview.Draw(TensorMessage.Floats(step.Latents),
                TensorMessage.Floats(step.Result.Velocity), step.Timestep, order.Request.Grid))
            : ByteString.Empty;
}
