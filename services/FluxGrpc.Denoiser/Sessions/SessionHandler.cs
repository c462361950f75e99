using System.Diagnostics;
using FluxGrpc.Denoiser.Telemetry;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>Takes a session from its opening to its end.</summary>
internal sealed partial class SessionHandler(
    Replica replica, DenoiserOptions options, DenoiserTelemetry telemetry, TimeProvider time, ILogger<SessionHandler> logger)
{
    /// <summary>Serves one call.</summary>
    /// <param name="model">The model.</param>
    /// <param name="requests">The caller's messages.</param>
    /// <param name="responses">Where the answers go.</param>
    /// <param name="peer">Who calls: an IP address.</param>
    /// <param name="call">Cancelled when the caller goes away or its deadline has passed.</param>
    /// <exception cref="RpcException">The session ends otherwise than by the caller's half-close; see the contract.</exception>
    public async Task ServeAsync(DenoiserModel model, IAsyncStreamReader<DenoiseRequest> requests,
        IAsyncStreamWriter<DenoiseResponse> responses, string peer, CancellationToken call)
    {
        var stream = new SessionStream(requests, responses, TimeSpan.FromSeconds(options.IdleSeconds), replica.Drain, time);
        if (await stream.ReadAsync(call) is not { } first)
            throw Violations.Of("message", "is missing; the call ended before an opening");

        var arrived = time.GetTimestamp();
        var opening = SessionOpening.Parse(first, model.Config, options);
        CheckFingerprint(opening.ExpectedFingerprint, model.Fingerprint);
        using var activity = telemetry.Activities.StartSession(opening);
        telemetry.Metrics.NoteOpening(opening);
        using var place = replica.Admission.Enter(opening.RemainingSteps, opening.Tokens, opening.Priority, peer);
        await WaitForTurnAsync(place, opening, stream, call);

        using var session = await DenoiseSession.OpenAsync(model, replica.Scheduler, opening, place, call);
        var waited = time.GetElapsedTime(arrived);
        LogOpened(logger, opening.SessionId, opening.Rows, opening.Columns, opening.TextTokens, opening.RemainingSteps, waited);
        try
        {
            await stream.AcceptAsync(Accepted(model, waited), call);
            await AnswerStepsAsync(session, opening, stream, call);
            LogEnded(logger, opening.SessionId, session.StepsDone);
        }
        catch (Exception exception)
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            LogBroken(logger, opening.SessionId, session.StepsDone, exception.Message);
            throw;
        }
    }

    private async Task AnswerStepsAsync(
        DenoiseSession session, SessionOpening opening, SessionStream stream, CancellationToken call)
    {
        while (await stream.ReadAsync(call) is { } request)
        {
            var step = session.ParseStep(request);
            using var activity = telemetry.Activities.StartStep(opening, step);
            using var prediction = await stream.WatchAsync(cancellation => session.PredictVelocityAsync(step, cancellation), call);
            activity?.SetTag("flux.batch_size", prediction.BatchSize);
            telemetry.Metrics.NoteStep(step, prediction);
            await stream.WriteAsync(Reply(step, prediction), call);
        }
    }

    private async Task WaitForTurnAsync(Admission.Place place, SessionOpening opening, SessionStream stream, CancellationToken call)
    {
        var stopping = replica.Drain.Stopping;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call, stopping);
        try
        {
            await foreach (var ahead in place.WaitAsync(either.Token))
            {
                LogQueued(logger, opening.SessionId, ahead);
                await stream.WriteAsync(new DenoiseResponse { Queued = new SessionQueued { Ahead = ahead } }, call);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && !call.IsCancellationRequested)
        {
            throw Drain.Refusal();
        }

        if (stopping.IsCancellationRequested)
            throw Drain.Refusal();
    }

    private static void CheckFingerprint(string expected, string actual)
    {
        if (expected.Length > 0 && expected != actual)
        {
            throw RpcErrors.FailedPrecondition("FINGERPRINT_MISMATCH", "open.expected_fingerprint",
                $"open.expected_fingerprint is '{expected}'; the model here is '{actual}'");
        }
    }

    private SessionAccepted Accepted(DenoiserModel model, TimeSpan waited) => new()
    {
        ReplicaId = replica.Id,
        ModelFingerprint = model.Fingerprint,
        WaitTime = waited.ToDuration(),
    };

    private static DenoiseResponse Reply(DenoiseStep step, Prediction prediction) => new()
    {
        StepResult = new StepResult
        {
            Index = step.Index,
            Velocity = prediction.Velocity.Message,
            ComputeTime = prediction.ComputeTime.ToDuration(),
            WaitTime = prediction.WaitTime.ToDuration(),
            BatchSize = prediction.BatchSize,
            Reused = prediction.Reused,
        },
    };

    [LoggerMessage(Level = LogLevel.Debug, Message = "Session {SessionId} waits, {Ahead} ahead")]
    private static partial void LogQueued(ILogger logger, string sessionId, int ahead);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Session {SessionId} open: {Rows}x{Columns} patches, {TextTokens} text tokens, {Steps} steps, waited {Waited}")]
    private static partial void LogOpened(
        ILogger logger, string sessionId, int rows, int columns, long textTokens, int steps, TimeSpan waited);

    [LoggerMessage(Level = LogLevel.Information, Message = "Session {SessionId} ended after {Steps} steps")]
    private static partial void LogEnded(ILogger logger, string sessionId, int steps);

    [LoggerMessage(Level = LogLevel.Information, Message = "Session {SessionId} broke off after {Steps} steps: {Reason}")]
    private static partial void LogBroken(ILogger logger, string sessionId, int steps, string reason);
}
