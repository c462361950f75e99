using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>
/// How the sessions end when the server is told to stop: each is told, gets the answer to the step it has sent, and is sent away.
/// </summary>
internal sealed class Drain : IDisposable
{
    /// <summary>
    /// How long a step that has arrived may go on waiting for the device; then it is left to another replica. A step that runs
    /// is always answered.
    /// </summary>
    public static readonly TimeSpan QueueTime = TimeSpan.FromSeconds(3);

    /// <summary>How long a session that was told waits for its caller to close it.</summary>
    public static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _lastCall;
    private readonly CancellationTokenRegistration _registration;
    private readonly TimeSpan _shutdown;
    private readonly TimeProvider _time;
    private long _begunAt;

    /// <param name="shutdown">Time between the order to stop and the end of every call.</param>
    /// <param name="time">Its clock.</param>
    /// <param name="stopping">Cancelled when the server is told to stop.</param>
    public Drain(TimeSpan shutdown, TimeProvider time, CancellationToken stopping)
    {
        Stopping = stopping;
        _shutdown = shutdown;
        _time = time;
        _lastCall = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _registration = stopping.Register(Begin);
    }

    /// <summary>Cancelled when the server is told to stop.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>Completes when the server is told to stop.</summary>
    public Task Begun => _begun.Task;

    /// <summary>True once the server was told to stop.</summary>
    public bool HasBegun => Begun.IsCompleted;

    /// <summary>Cancelled <see cref="QueueTime"/> later: steps that have not begun are dropped.</summary>
    public CancellationToken LastCall => _lastCall.Token;

    /// <summary>Time left until the server ends every call; meaningful once it <see cref="HasBegun"/>.</summary>
    public TimeSpan Grace
    {
        get
        {
            var left = _shutdown - _time.GetElapsedTime(_begunAt);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>UNAVAILABLE: go on at another replica.</summary>
    public static RpcException Refusal() =>
        RpcErrors.Unavailable("STOPPING", "The server is stopping; go on at another replica", _retryDelay);

    /// <inheritdoc/>
    public void Dispose()
    {
        _registration.Dispose();
        _lastCall.Dispose();
    }

    private void Begin()
    {
        _begunAt = _time.GetTimestamp();
        _lastCall.CancelAfter(QueueTime);
        _begun.TrySetResult();
    }
}
