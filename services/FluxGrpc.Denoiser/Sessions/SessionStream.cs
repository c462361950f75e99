using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>
/// Both directions of a session's call: waits for the caller's messages no longer than allowed, watches out for one that comes
/// while a step runs, and tells the caller when the server stops. Everything is written by whoever reads, one thing at a time.
/// </summary>
internal sealed class SessionStream(
    IAsyncStreamReader<DenoiseRequest> requests,
    IAsyncStreamWriter<DenoiseResponse> responses,
    TimeSpan idleLimit,
    Drain drain,
    TimeProvider time)
{
    private Task<bool>? _ahead;
    private bool _isOpen;
    private bool _isNoticed;

    /// <summary>Tells the caller that its session is open; from then on it is told of a stop.</summary>
    public Task AcceptAsync(SessionAccepted accepted, CancellationToken call)
    {
        _isOpen = true;
        return WriteAsync(new DenoiseResponse { Accepted = accepted }, call);
    }

    /// <summary>Sends a message.</summary>
    public Task WriteAsync(DenoiseResponse response, CancellationToken call) => responses.WriteAsync(response, call);

    /// <summary>Waits for the next message; one that comes before the notice of a stop is still served.</summary>
    /// <returns>The message, or null where the caller has half-closed.</returns>
    /// <exception cref="RpcException">
    /// DEADLINE_EXCEEDED: none came in time. UNAVAILABLE: the server is stopping. CANCELLED: the connection broke.
    /// </exception>
    public async Task<DenoiseRequest?> ReadAsync(CancellationToken call)
    {
        var arrival = _ahead ?? requests.MoveNext(call);
        _ahead = null;
        if (!_isNoticed)
        {
            await WaitUntilStopAsync(arrival, call);
            if (arrival.IsCompletedSuccessfully)
                return arrival.Result ? requests.Current : null;
            if (!_isOpen)
                throw Drain.Refusal();
            await NoticeAsync(call);
        }

        return await ClosesAsync(arrival, call) ? null : throw Drain.Refusal();
    }

    /// <summary>Runs a step, during which the caller may half-close but not send.</summary>
    /// <param name="compute">Starts the step; its token drops a step that has not begun.</param>
    /// <param name="call">The call's token.</param>
    /// <exception cref="RpcException">
    /// INVALID_ARGUMENT: a message came before the step was done. UNAVAILABLE: the server is stopping, and the step's turn did not
    /// come in time.
    /// </exception>
    public async Task<T> WatchAsync<T>(Func<CancellationToken, Task<T>> compute, CancellationToken call)
        where T : IDisposable
    {
        using var interruption = CancellationTokenSource.CreateLinkedTokenSource(call, drain.LastCall);
        var running = compute(interruption.Token);
        try
        {
            await WatchForMessageAsync(running, call);
        }
        catch
        {
            // The step may use what its session holds: nothing goes on before it has ended.
            await interruption.CancelAsync();
            await DiscardAsync(running);
            throw;
        }

        try
        {
            return await running;
        }
        catch (OperationCanceledException) when (drain.LastCall.IsCancellationRequested && !call.IsCancellationRequested)
        {
            throw Drain.Refusal();
        }
    }

    private async Task WatchForMessageAsync(Task running, CancellationToken call)
    {
        _ahead = requests.MoveNext(call);
        await Task.WhenAny(running, _ahead, drain.Begun);
        if (!running.IsCompleted && !_ahead.IsCompleted && !_isNoticed)
        {
            await NoticeAsync(call);
            await Task.WhenAny(running, _ahead);
        }

        if (!running.IsCompleted && _ahead.IsCompletedSuccessfully && _ahead.Result)
            throw Violations.Of("message", "came while a step is running; allowed: one step at a time, each after the result before");
    }

    private Task NoticeAsync(CancellationToken call)
    {
        _isNoticed = true;
        return WriteAsync(new DenoiseResponse { DrainNotice = new DrainNotice { Grace = drain.Grace.ToDuration() } }, call);
    }

    /// <summary>Waits until a message is there or the server is told to stop.</summary>
    private async Task WaitUntilStopAsync(Task<bool> arrival, CancellationToken call)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call, drain.Stopping);
        try
        {
            await arrival.WaitAsync(idleLimit, time, either.Token);
        }
        catch (TimeoutException)
        {
            throw RpcErrors.DeadlineExceeded("SESSION_IDLE",
                FormattableString.Invariant($"No message for {idleLimit.TotalSeconds} seconds, as long as a session may wait"));
        }
        catch (IOException)
        {
            throw GoneAway();
        }
        catch (OperationCanceledException) when (drain.Stopping.IsCancellationRequested && !call.IsCancellationRequested)
        {
            // The stop is the caller's to hear of.
        }
    }

    /// <summary>True where a caller who was told of the stop half-closes; false where it sends another step, or nothing.</summary>
    private async Task<bool> ClosesAsync(Task<bool> arrival, CancellationToken call)
    {
        try
        {
            return !await arrival.WaitAsync(Drain.FarewellTime, time, call);
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (IOException)
        {
            throw GoneAway();
        }
    }

    private static async Task DiscardAsync<T>(Task<T> running)
        where T : IDisposable
    {
        await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (running.IsCompletedSuccessfully)
            running.Result.Dispose();
    }

    private static RpcException GoneAway() => new(new Status(StatusCode.Cancelled, "The caller went away"));
}
