using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>Takes the images of one request through their steps at the denoisers.</summary>
/// <param name="order">What to do.</param>
/// <param name="tier">The services.</param>
/// <param name="options">Deadline and cancellation of the caller.</param>
/// <param name="gate">Lets each step pass, or has the image wait while other work comes first.</param>
/// <param name="time">Measures the steps.</param>
internal sealed class ImageDenoising(
    DenoisingOrder order, ModelTier tier, CallOptions options, IStepGate gate, TimeProvider time)
{
    private const int MaxSessionIdLength = 128;

    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Time of all steps so far.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Takes one image to its last step.</summary>
    /// <param name="index">The image's place in the request.</param>
    /// <param name="image">The image; moved on by each step.</param>
    /// <returns>A step event for each step, as the caller asks for it; its places in the queue while it has to pause.</returns>
    /// <exception cref="RpcException">The denoiser failed; see <see cref="ComponentErrors"/>.</exception>
    /// <exception cref="InvalidDataException">It answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">The caller is gone.</exception>
    public async IAsyncEnumerable<GenerateResponse> RunAsync(int index, DenoisingImage image)
    {
        while (!image.IsDone)
        {
            await foreach (var place in gate.WaitForTurnAsync(options.CancellationToken))
                yield return new GenerateResponse { Queued = place };

            var denoiser = tier.NextDenoiser();
            using var session = await OpenSessionAsync(denoiser, index, image);
            await foreach (var step in DenoiseLoop.RunAsync(image, Through(denoiser, session), time))
            {
                Elapsed += step.Elapsed;
                yield return new GenerateResponse { Step = Describe(step, index, session.ReplicaId) };
                if (gate.MustPause)
                    break;
            }

            await denoiser.Component.CallOnceAsync(_ => session.CompleteAsync(), options);
        }
    }

    /// <summary>Opens the image's session at the step where the image stands.</summary>
    private async Task<DenoiserSession> OpenSessionAsync(DenoiserReplica denoiser, int index, DenoisingImage image)
    {
        var opening = new OpenSession
        {
            SessionId = SessionId(index),
            HiddenStates = order.Conditioning.HiddenStates,
            Pooled = order.Conditioning.Pooled,
            Grid = image.Grid.ToMessage(),
            Sigmas = { image.Timesteps },
            FirstStepIndex = image.NextStep,
            Priority = order.Request.Priority,
            ExpectedFingerprint = order.Facts.Denoiser.Component.Fingerprint,
        };
        if (order.Request.Guidance is { } guidance)
            opening.Guidance = guidance;
        try
        {
            return await denoiser.Component.CallAsync(call => DenoiserSession.OpenAsync(denoiser.Client, opening, call), options);
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.FailedPrecondition)
        {
            throw RpcErrors.Unavailable(
                "MODEL_CHANGED", "The denoiser has another model than a moment ago; ask again", _retryDelay);
        }
    }

    private string SessionId(int image)
    {
        var id = $"{image}/{order.Request.Id}";
        return id[..Math.Min(id.Length, MaxSessionIdLength)];
    }

    private PredictVelocity Through(DenoiserReplica denoiser, DenoiserSession session) => (index, timestep, latents) =>
        denoiser.Component.CallOnceAsync(_ => session.PredictVelocityAsync(index, timestep, latents), options);

    private StepCompleted Describe(CompletedStep step, int image, string replica) => new()
    {
        ImageIndex = image,
        StepIndex = step.Index,
        Steps = order.Request.Steps,
        Elapsed = step.Elapsed.ToDuration(),
        ComputeTime = step.Result.ComputeTime,
        ReplicaId = replica,
        Latents = order.Request.IncludeTensors ? step.Latents : null,
        Velocity = order.Request.IncludeTensors ? step.Result.Velocity : null,
    };
}
