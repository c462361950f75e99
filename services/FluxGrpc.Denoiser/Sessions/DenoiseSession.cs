using System.Diagnostics;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.V1;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>One image in progress: its conditioning on the device and how far it has come.</summary>
internal sealed class DenoiseSession : IDisposable
{
    private readonly DenoiserModel _model;
    private readonly StepScheduler _scheduler;
    private readonly SessionOpening _opening;
    private readonly Admission.Place _place;
    private readonly BatchMember _member;
    private int? _lastIndex;

    private DenoiseSession(DenoiserModel model, StepScheduler scheduler, SessionOpening opening, Admission.Place place, BatchMember member)
    {
        _model = model;
        _scheduler = scheduler;
        _opening = opening;
        _place = place;
        _member = member;
        scheduler.Enter(member);
    }

    /// <summary>Steps answered.</summary>
    public int StepsDone { get; private set; }

    /// <summary>Opens a session whose turn has come: copies its conditioning to the device.</summary>
    /// <param name="model">The model.</param>
    /// <param name="scheduler">Runs its steps.</param>
    /// <param name="opening">What stays the same.</param>
    /// <param name="place">Still the caller's to dispose.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<DenoiseSession> OpenAsync(DenoiserModel model, StepScheduler scheduler, SessionOpening opening,
        Admission.Place place, CancellationToken cancellation)
    {
        var conditioning = await model.ConditionAsync(opening, cancellation);
        var member = new BatchMember(BatchKey.Of(opening), opening.Priority, conditioning)
        {
            Cache = opening.StepCacheThreshold is { } threshold ? new FirstBlockCache(threshold) : null,
            Trace = Activity.Current?.Context ?? default,
        };
        return new DenoiseSession(model, scheduler, opening, place, member);
    }

    /// <summary>Reads the next message.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: it is no valid step now.</exception>
    public DenoiseStep ParseStep(DenoiseRequest request) => DenoiseStep.Parse(request, _opening, _model.Config, _lastIndex);

    /// <summary>Answers a step.</summary>
    /// <param name="step">From <see cref="ParseStep"/>.</param>
    /// <param name="cancellation">Drops a step that has not begun.</param>
    public async Task<Prediction> PredictVelocityAsync(DenoiseStep step, CancellationToken cancellation)
    {
        var prediction = await _scheduler.PredictAsync(_member, step, cancellation);
        _lastIndex = step.Index;
        StepsDone++;
        _place.CountStep(_opening.StepCount - step.Index - 1);
        return prediction;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _scheduler.Leave(_member);
        _model.Release(_member.Conditioning);
        _member.Cache?.Dispose();
    }
}
