using System.Diagnostics;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting.Telemetry;

namespace FluxGrpc.Denoiser.Telemetry;

/// <summary>
/// Spans for whoever listens: one a session, in it one a step, and one a forward pass, in the trace of its first session and with links
/// to all the sessions in it.
/// </summary>
/// <param name="replicaId">Name of this replica.</param>
internal sealed class DenoiserActivities(string replicaId) : IDisposable
{
    /// <summary>Name of the source.</summary>
    public const string SourceName = "FluxGrpc.Denoiser";

    private readonly ActivitySource _source = new(SourceName);

    /// <summary>Begins a session's span, inside that of the call; null where nobody listens.</summary>
    public Activity? StartSession(SessionOpening opening) => _source.StartActivity("denoise session")?
        .SetTag(TelemetryNames.Replica, replicaId)
        .SetTag("flux.session", opening.SessionId)
        .SetTag("flux.priority", opening.Priority.ToString())
        .SetTag("flux.tokens", opening.Tokens)
        .SetTag("flux.steps", opening.RemainingSteps);

    /// <summary>Begins the span of a step, from its arrival to its answer, inside its session's; null where nobody listens.</summary>
    public Activity? StartStep(SessionOpening opening, DenoiseStep step) => _source.StartActivity("denoise step")?
        .SetTag(TelemetryNames.Replica, replicaId)
        .SetTag("flux.session", opening.SessionId)
        .SetTag("flux.step.index", step.Index);

    /// <summary>Begins the span of a forward pass; null where nobody listens.</summary>
    public Activity? StartBatch(IReadOnlyList<ScheduledStep> steps)
    {
        if (!_source.HasListeners())
            return null;
        var sessions = steps.Where(step => step.Member.Trace != default).Select(step => new ActivityLink(step.Member.Trace)).ToList();
        return _source.StartActivity("denoise batch", ActivityKind.Internal, sessions.FirstOrDefault().Context, links: sessions)?
            .SetTag(TelemetryNames.Replica, replicaId)
            .SetTag("flux.batch_size", steps.Count)
            .SetTag("flux.tokens", steps[0].Member.Key.Tokens)
            .SetTag("flux.step", string.Join(',', steps.Select(step => step.Step.Index)));
    }

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}
