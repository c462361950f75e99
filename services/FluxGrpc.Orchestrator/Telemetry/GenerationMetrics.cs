using System.Diagnostics;
using System.Diagnostics.Metrics;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Telemetry;

/// <summary>Measures generations by what they tell their callers.</summary>
internal sealed class GenerationMetrics
{
    private const string Outcome = "flux.outcome";
    private const string ErrorType = "error.type";

    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _wait;
    private readonly Histogram<double> _step;
    private readonly Counter<long> _images;

    /// <param name="meters">Makes the meter.</param>
    public GenerationMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(OrchestratorActivity.Name);
        _duration = meter.CreateHistogram("flux.generation.duration", "s", "Time from a request's arrival to its end.",
            tags: null, TelemetryNames.LongDurations);
        _wait = meter.CreateHistogram("flux.queue.wait.duration", "s", "Time that a request waited for its turn, pauses among it.",
            tags: null, TelemetryNames.LongDurations);
        _step = meter.CreateHistogram("flux.step.duration", "s", "Time of a whole step, with transport, waits and repetitions.",
            tags: null, TelemetryNames.LongDurations);
        _images = meter.CreateCounter<long>("flux.images", "{image}", "Images by what became of them.");
    }

    /// <summary>Takes note of an event.</summary>
    public void Note(GenerationRequest request, GenerateResponse happened)
    {
        if (happened.Image is not null)
            _images.Add(1, new TagList { { Outcome, "finished" } });
        if (happened.Step is not { } step || !_step.Enabled)
            return;
        _step.Record(step.Elapsed.ToTimeSpan().TotalSeconds, new TagList
        {
            { TelemetryNames.Replica, step.ReplicaId },
            { TelemetryNames.TokensUpTo, TelemetryNames.TokenClass(request.StepWork) },
        });
    }

    /// <summary>Takes note of an end.</summary>
    /// <param name="job">What has ended.</param>
    /// <param name="elapsed">Since its arrival.</param>
    /// <param name="missing">Images that there will not be.</param>
    /// <param name="error">Name of the status that it ended with; null where all went well.</param>
    public void NoteEnd(GenerationJob job, TimeSpan elapsed, int missing, string? error)
    {
        var priority = new KeyValuePair<string, object?>("flux.priority", job.Request.Priority == Priority.Batch ? "batch" : "interactive");
        var tags = new TagList { { Outcome, error switch { null => "finished", "CANCELLED" => "cancelled", _ => "failed" } } };
        if (error is not null)
        {
            tags.Add(ErrorType, error);
            _images.Add(missing, tags);
        }

        tags.Add(priority);
        _duration.Record(elapsed.TotalSeconds, tags);
        _wait.Record(job.Turn.Waited.TotalSeconds, new TagList { priority });
    }
}
