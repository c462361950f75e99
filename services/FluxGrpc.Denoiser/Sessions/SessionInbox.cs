using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>
/// A caller's messages: waits for them no longer than allowed and not while the server stops, and watches out for one that
/// comes while a step runs.
/// </summary>
internal sealed class SessionInbox(
    IAsyncStreamReader<DenoiseRequest> requests, TimeSpan idleLimit, TimeProvider time, CancellationToken stopping)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private Task<bool>? _ahead;

    /// <summary>Waits for the next message.</summary>
    /// <returns>The message, or null where the caller has half-closed.</returns>
    /// <exception cref="RpcException">
    /// DEADLINE_EXCEEDED: none came in time. UNAVAILABLE: the server is stopping. CANCELLED: the connection broke.
    /// </exception>
    public async Task<DenoiseRequest?> ReadAsync(CancellationToken call)
    {
        var arrival = _ahead ?? requests.MoveNext(call);
        _ahead = null;
        if (!await WaitAsync(arrival, call))
            return null;
        return stopping.IsCancellationRequested ? throw Stopping() : requests.Current;
    }

    /// <summary>Runs a step, during which the caller may half-close but not send.</summary>
    /// <param name="compute">Starts the step; its token drops a step that has not begun.</param>
    /// <param name="call">The call's token.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT: a message came before the step was done.</exception>
    public async Task<T> WatchAsync<T>(Func<CancellationToken, Task<T>> compute, CancellationToken call)
        where T : IDisposable
    {
        using var interruption = CancellationTokenSource.CreateLinkedTokenSource(call);
        var running = compute(interruption.Token);
        _ahead = requests.MoveNext(call);
        await Task.WhenAny(running, _ahead);
        if (running.IsCompleted || !_ahead.IsCompletedSuccessfully || !_ahead.Result)
            return await running;

        await interruption.CancelAsync();
        await DiscardAsync(running);
        throw Violations.Of("message", "came while a step is running; allowed: one step at a time, each after the result before");
    }

    private async Task<bool> WaitAsync(Task<bool> arrival, CancellationToken call)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call, stopping);
        try
        {
            return await arrival.WaitAsync(idleLimit, time, either.Token);
        }
        catch (TimeoutException)
        {
            throw RpcErrors.DeadlineExceeded("SESSION_IDLE",
                FormattableString.Invariant($"No message for {idleLimit.TotalSeconds} seconds, as long as a session may wait"));
        }
        catch (IOException)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The caller went away"));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && !call.IsCancellationRequested)
        {
            throw Stopping();
        }
    }

    private static async Task DiscardAsync<T>(Task<T> running)
        where T : IDisposable
    {
        try
        {
            (await running).Dispose();
        }
        catch (OperationCanceledException)
        {
            // It had not begun.
        }
    }

    private static RpcException Stopping() =>
        RpcErrors.Unavailable("STOPPING", "The server is stopping; go on at another replica", _retryDelay);
}
