using System.Diagnostics.Metrics;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Torch.Telemetry;

namespace FluxGrpc.Denoiser.Telemetry;

/// <summary>What the denoiser's steps and passes amount to.</summary>
internal sealed class DenoiserMetrics
{
    private const string SessionState = "flux.session.state";

    private readonly ComputeMetrics _compute;
    private readonly TensorTraffic _tensors;
    private readonly Histogram<int> _batchSize;
    private readonly Histogram<double> _wait;
    private readonly Counter<long> _tokens;

    /// <param name="meters">Makes the meter.</param>
    /// <param name="compute">Takes the time of each pass.</param>
    /// <param name="tensors">Takes the bytes of each message.</param>
    /// <param name="replica">Knows the work in hand.</param>
    public DenoiserMetrics(IMeterFactory meters, ComputeMetrics compute, TensorTraffic tensors, Replica replica)
    {
        (_compute, _tensors) = (compute, tensors);
        var meter = meters.Create(DenoiserActivities.SourceName);
        _batchSize = meter.CreateHistogram("flux.denoiser.batch.size", "{step}", "Steps that shared a forward pass.", tags: null,
            new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 3, 4, 6, 8, 12, 16, 32, 64] });
        _wait = meter.CreateHistogram("flux.denoiser.step.wait.duration", "s", "Time between a step's arrival and its pass.",
            tags: null, TelemetryNames.LongDurations);
        _tokens = meter.CreateCounter<long>("flux.denoiser.tokens", "{token}", "Tokens, image and text, that passes have computed.");

        meter.CreateObservableUpDownCounter("flux.denoiser.sessions", () => Sessions(replica), "{session}",
            "Sessions that are open or wait to be.");
        meter.CreateObservableUpDownCounter("flux.denoiser.work", () => replica.Admission.Current.Work, "{token}",
            "Steps still to do times their tokens, over the open sessions.");
        meter.CreateObservableUpDownCounter("flux.denoiser.steps.waiting", () => replica.Scheduler.Statistics.WaitingSteps, "{step}",
            "Steps that wait for a pass.");
    }

    /// <summary>Takes note of a session's opening.</summary>
    public void NoteOpening(SessionOpening opening) => _tensors.Received(opening.HiddenStates, opening.Pooled);

    /// <summary>Takes note of a step that was computed.</summary>
    public void NoteStep(DenoiseStep step, Prediction prediction)
    {
        _tensors.Received(step.Latents);
        _tensors.Sent(prediction.Velocity.Message);
        _wait.Record(prediction.WaitTime.TotalSeconds);
    }

    /// <summary>Takes note of a forward pass.</summary>
    public void NotePass(IReadOnlyList<ScheduledStep> steps, BatchResult result)
    {
        var tokens = steps.Count * steps[0].Member.Key.Tokens;
        _batchSize.Record(steps.Count);
        _tokens.Add(tokens);
        _compute.Record("denoise", result.ComputeTime, TelemetryNames.TokenClass(tokens));
    }

    private static IEnumerable<Measurement<int>> Sessions(Replica replica)
    {
        var load = replica.Admission.Current;
        return
        [
            new(load.Sessions, new KeyValuePair<string, object?>(SessionState, "open")),
            new(load.WaitingSessions, new KeyValuePair<string, object?>(SessionState, "waiting")),
        ];
    }
}
