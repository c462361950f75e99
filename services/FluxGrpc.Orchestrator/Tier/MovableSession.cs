using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;
using Grpc.Core;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// One image's session, at whichever denoiser it is just now. A step whose denoiser is lost is taken again at another, from the
/// latents in hand; between steps the session leaves a denoiser that is about to stop, or that has clearly more to do than
/// another.
/// </summary>
/// <param name="denoisers">The denoisers.</param>
/// <param name="opening">The opening as at the first step.</param>
/// <param name="evaluationsPerStep">Velocities that a step takes, by which its work counts.</param>
/// <param name="imageIndex">The image's place in its request, for the events.</param>
/// <param name="options">Deadline and cancellation of the caller.</param>
/// <param name="time">Measures the steps.</param>
internal sealed class MovableSession(
    ServiceTier denoisers, OpenSession opening, int evaluationsPerStep, int imageIndex, CallOptions options, TimeProvider time)
    : IDisposable
{
    private static readonly TimeSpan _longestOpening = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _longestGoodbye = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _queueInterval = TimeSpan.FromSeconds(1);

    private readonly List<ReplicaChanged> _changes = [];
    private readonly long _tokens = (long)opening.Grid.Rows * opening.Grid.Columns + opening.HiddenStates.Shape[1];
    private readonly int _steps = opening.Sigmas.Count - 1;
    private HeldSession? _held;
    private bool _isRepeat;
    private (string ReplicaId, ReplicaChangeReason Reason)? _left; // Where it was, while it is nowhere.

    /// <summary>Name of the replica that answered last.</summary>
    public string ReplicaId => _held?.Session.ReplicaId ?? "";

    /// <summary>Times that the session went on at another replica.</summary>
    public int Changes { get; private set; }

    /// <summary>Steps that were sent again because their replica was lost.</summary>
    public int RepeatedSteps { get; private set; }

    /// <summary>The changes since the last call.</summary>
    public IReadOnlyList<ReplicaChanged> TakeChanges()
    {
        ReplicaChanged[] changes = [.. _changes];
        _changes.Clear();
        return changes;
    }

    /// <summary>Evaluates the velocity at one step, at whichever replica; see <see cref="PredictVelocity"/>.</summary>
    /// <inheritdoc cref="WorkRetries.ExecuteAsync{T}" path="/exception"/>
    public Task<StepResult> PredictVelocityAsync(int index, float timestep, Tensor latents) =>
        denoisers.Retries.ExecuteAsync(async (attempts, cancellation) =>
        {
            DropIfOver();
            await MoveAsync(index, attempts, cancellation);
            _held ??= await OpenAsync(index, attempts, cancellation);
            var step = new DenoiseStep { Index = index, Timestep = timestep, Latents = latents };
            return await ExchangeAsync(_held, step, attempts, cancellation);
        }, options);

    /// <summary>
    /// Ends the session in good order, for good or until the next step. All velocities are in hand, so whatever the replica says
    /// now changes nothing.
    /// </summary>
    public async Task CompleteAsync()
    {
        if (_held is not { } held)
            return;
        _left = (held.Session.ReplicaId, ReplicaChangeReason.Rebalanced);
        _held = null;
        await SayGoodbyeAsync(held);
    }

    /// <inheritdoc/>
    public void Dispose() => _held?.Dispose();

    private async Task<StepResult> ExchangeAsync(
        HeldSession held, DenoiseStep step, WorkAttempts attempts, CancellationToken cancellation)
    {
        using var activity = OrchestratorActivity.Source.StartActivity("denoiser.step");
        activity?.SetTag(TelemetryNames.Replica, held.Session.ReplicaId)
            .SetTag("flux.session", opening.SessionId)
            .SetTag("flux.step.index", step.Index)
            .SetTag("flux.repeated", _isRepeat);
        var started = time.GetTimestamp();
        try
        {
            var result = await held.Replica.Circuit.ExecuteAsync(
                token => held.Session.PredictVelocityAsync(step.Index, step.Timestep, step.Latents, token),
                denoisers.Times.Limit(_tokens), cancellation);
            denoisers.Times.Add(_tokens, time.GetElapsedTime(started));
            held.Replica.NoteProgress();
            held.Lease.Finish(_tokens);
            held.StepsDone++;
            _isRepeat = false;
            return result;
        }
        catch (BrokenCircuitException failure)
        {
            attempts.Note(held.Replica, failure); // Nothing was sent: the session is as good as before.
            throw;
        }
        catch (Exception failure) when (IsOfReplica(failure))
        {
            attempts.Note(held.Replica, failure);
            RepeatedSteps++;
            denoisers.CountRepeatedStep();
            _isRepeat = true;
            Drop(held);
            throw;
        }
    }

    /// <summary>A session that was lost between two steps costs none.</summary>
    private void DropIfOver()
    {
        if (_held is { Session.IsOver: true } held)
            Drop(held);
    }

    private void Drop(HeldSession held)
    {
        _left ??= (held.Session.ReplicaId, held.Session.IsDraining ? ReplicaChangeReason.Drained : ReplicaChangeReason.Lost);
        _held = null;
        held.Dispose();
    }

    private async Task<HeldSession> OpenAsync(int step, WorkAttempts attempts, CancellationToken cancellation)
    {
        var work = (_steps - step) * _tokens * evaluationsPerStep;
        var lease = await denoisers.Replicas.AcquireAsync(opening.ExpectedFingerprint, work, attempts, cancellation);
        while (true)
        {
            var held = await BeginOrReturnAsync(lease, step, attempts, cancellation);
            if (await WaitForTurnAsync(held, attempts, cancellation) is { } better)
            {
                held.Dispose();
                lease = better;
                continue;
            }

            if (_left is { } left)
                NoteChange(left.ReplicaId, held, step, left.Reason);
            _left = null;
            return held;
        }
    }

    private async Task<HeldSession> BeginOrReturnAsync(
        ReplicaLease lease, int step, WorkAttempts attempts, CancellationToken cancellation)
    {
        try
        {
            return await BeginAsync(lease, step, attempts, cancellation);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Opens a session at the lease's replica, which accepts it or lets it wait.</summary>
    private async Task<HeldSession> BeginAsync(
        ReplicaLease lease, int step, WorkAttempts attempts, CancellationToken cancellation)
    {
        using var activity = OrchestratorActivity.Source.StartActivity("denoiser.open");
        activity?.SetTag("server.address", lease.Replica.Address.ToString()).SetTag("flux.step.index", step);
        var client = new DenoiserService.DenoiserServiceClient(lease.Replica.Channel);
        var session = DenoiserSession.Start(client, options);
        var limit = denoisers.Times.Limit(_tokens);
        try
        {
            return await lease.Replica.Circuit.ExecuteAsync(async token =>
            {
                await session.SendOpeningAsync(new OpenSession(opening) { FirstStepIndex = step }, token);
                return new HeldSession(lease, session);
            }, limit < _longestOpening ? limit : _longestOpening, cancellation);
        }
        catch (Exception failure)
        {
            if (IsOfReplica(failure))
                attempts.Note(lease.Replica, failure);
            session.Dispose();
            throw;
        }
    }

    /// <summary>Waits until a queued session is accepted, or until another replica has clearly less to do.</summary>
    /// <returns>A lease of the better replica, or null: the session is accepted.</returns>
    private async Task<ReplicaLease?> WaitForTurnAsync(HeldSession held, WorkAttempts attempts, CancellationToken cancellation)
    {
        try
        {
            while (!held.Session.IsAccepted)
            {
                var answer = held.Session.WaitForAcceptanceAsync(cancellation);
                while (!answer.IsCompleted)
                {
                    await Task.WhenAny(answer, denoisers.Replicas.Changed, Task.Delay(_queueInterval, time, cancellation));
                    cancellation.ThrowIfCancellationRequested();
                    if (!answer.IsCompleted && TryLeave(held, ReasonToLeave(held)) is { } better)
                        return better;
                }

                await answer;
            }

            return null;
        }
        catch (Exception failure)
        {
            if (IsOfReplica(failure))
                attempts.Note(held.Replica, failure);
            held.Dispose();
            throw;
        }
    }

    /// <summary>Goes on at another replica where there is reason to, and where one accepts the session.</summary>
    private async Task MoveAsync(int step, WorkAttempts attempts, CancellationToken cancellation)
    {
        if (_held is not { } held)
            return;
        var reason = ReasonToLeave(held);
        var mayRebalance = held.StepsDone >= Rebalancing.LeastStay && _steps - step >= Rebalancing.LeastSteps;
        if ((reason is null && !mayRebalance) || TryLeave(held, reason) is not { } lease)
            return;

        using var activity = OrchestratorActivity.Source.StartActivity("denoiser.move");
        activity?.SetTag("flux.replica.from", held.Session.ReplicaId)
            .SetTag("flux.step.index", step)
            .SetTag("flux.reason", reason?.ToString());
        HeldSession? moved = null;
        try
        {
            moved = await TryBeginAsync(lease, step, attempts, cancellation);
        }
        finally
        {
            if (moved is null)
                denoisers.Replicas.UndoMove(lease, held.Lease);
        }

        if (moved is null)
            return;
        activity?.SetTag(TelemetryNames.Replica, moved.Session.ReplicaId);
        _held = moved;
        NoteChange(held.Session.ReplicaId, moved, step, reason ?? ReplicaChangeReason.Rebalanced);
        await SayGoodbyeAsync(held);
    }

    /// <summary>A session at the lease's replica, or null where it does not accept one at once: the old session is still good.</summary>
    private async Task<HeldSession?> TryBeginAsync(
        ReplicaLease lease, int step, WorkAttempts attempts, CancellationToken cancellation)
    {
        try
        {
            var begun = await BeginAsync(lease, step, attempts, cancellation);
            if (begun.Session.IsAccepted)
                return begun;
            begun.Session.Dispose();
        }
        catch (Exception failure) when (IsOfReplica(failure))
        {
            // Noted; the next step tries again where it is still called for.
        }

        return null;
    }

    private ReplicaLease? TryLeave(HeldSession held, ReplicaChangeReason? reason) =>
        denoisers.Replicas.TryMove(held.Lease, opening.ExpectedFingerprint, _tokens, isForced: reason is not null);

    /// <summary>Why the session cannot stay where it is, or null.</summary>
    private static ReplicaChangeReason? ReasonToLeave(HeldSession held) =>
        held.Session.IsDraining || held.Replica.IsRetired ? ReplicaChangeReason.Drained
        : held.Replica.IsLost ? ReplicaChangeReason.Lost
        : held.Replica.Problem is not null ? ReplicaChangeReason.Drained
        : null;

    private void NoteChange(string from, HeldSession to, int step, ReplicaChangeReason reason)
    {
        if (from == to.Session.ReplicaId)
            return; // Its connection broke, no more.
        Changes++;
        denoisers.CountMove(reason);
        _changes.Add(new ReplicaChanged
        {
            ImageIndex = imageIndex,
            StepIndex = step,
            FromReplicaId = from,
            ToReplicaId = to.Session.ReplicaId,
            Reason = reason,
        });
    }

    private async Task SayGoodbyeAsync(HeldSession held)
    {
        using var limit = new CancellationTokenSource(_longestGoodbye, time);
        try
        {
            if (!held.Replica.IsLost)
                await held.Session.CompleteAsync(limit.Token);
        }
        catch (Exception failure) when (IsOfReplica(failure) || failure is OperationCanceledException or InvalidOperationException)
        {
            // It is no longer needed; disposing it cancels what is left of it.
        }
        finally
        {
            held.Dispose();
        }
    }

    private static bool IsOfReplica(Exception failure) =>
        failure is RpcException or TimeoutRejectedException or BrokenCircuitException or SessionLostException;
}
