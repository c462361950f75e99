using System.Threading.Channels;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class SessionInboxTests : IDisposable
{
    private static readonly TimeSpan _idleLimit = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _call = new();
    private readonly Caller _caller = new();
    private readonly SessionInbox _inbox;

    public SessionInboxTests() => _inbox = new SessionInbox(_caller, _idleLimit, _time, _stopping.Token);

    public void Dispose()
    {
        _stopping.Dispose();
        _call.Dispose();
    }

    [Fact]
    public async Task Messages_arrive_in_order_and_then_the_half_close()
    {
        var (first, second) = (new DenoiseRequest(), new DenoiseRequest());
        _caller.Send(first);
        _caller.Send(second);
        _caller.HalfClose();

        Assert.Same(first, await ReadAsync());
        Assert.Same(second, await ReadAsync());
        Assert.Null(await ReadAsync());
    }

    [Fact]
    public async Task A_caller_who_is_silent_for_too_long_is_sent_away()
    {
        var reading = ReadAsync();
        _time.Advance(_idleLimit - TimeSpan.FromMilliseconds(1));
        Assert.False(reading.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(StatusCode.DeadlineExceeded, await StatusOfAsync(reading));
    }

    [Fact]
    public async Task Stopping_ends_the_wait()
    {
        var reading = ReadAsync();

        await _stopping.CancelAsync();

        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(reading));
    }

    [Fact]
    public async Task A_stopping_server_takes_no_message_but_a_half_close()
    {
        await _stopping.CancelAsync();

        _caller.Send(new DenoiseRequest());
        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(ReadAsync()));

        _caller.HalfClose();
        Assert.Null(await ReadAsync());
    }

    [Fact]
    public async Task A_step_runs_to_its_end_while_the_server_stops()
    {
        var step = new Step();
        var watching = _inbox.WatchAsync(step.RunAsync, _call.Token);

        await _stopping.CancelAsync();
        step.Finish();

        Assert.Same(step, await watching);
        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(ReadAsync()));
    }

    [Fact]
    public async Task A_half_close_during_a_step_is_read_after_it()
    {
        var step = new Step();
        var watching = _inbox.WatchAsync(step.RunAsync, _call.Token);

        _caller.HalfClose();
        step.Finish();

        Assert.Same(step, await watching);
        Assert.Null(await ReadAsync());
    }

    [Fact]
    public async Task A_message_during_a_step_drops_it_where_it_has_not_begun()
    {
        var step = new Step();
        var watching = _inbox.WatchAsync(step.RunAsync, _call.Token);

        _caller.Send(new DenoiseRequest());

        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(watching));
        Assert.True(step.Interrupted.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task The_result_of_an_interrupted_step_that_had_begun_is_freed()
    {
        var step = new Step { HasBegun = true };
        var watching = _inbox.WatchAsync(step.RunAsync, _call.Token);

        _caller.Send(new DenoiseRequest());
        await step.Interrupted;
        step.Finish();

        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(watching));
        Assert.True(step.IsDisposed);
    }

    [Fact]
    public async Task A_caller_who_vanishes_is_a_cancelled_call_and_no_bug()
    {
        var reading = ReadAsync();

        _caller.Vanish();

        Assert.Equal(StatusCode.Cancelled, await StatusOfAsync(reading));
    }

    [Fact]
    public async Task Cancelling_the_call_ends_the_wait()
    {
        var reading = ReadAsync();

        await _call.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    private Task<DenoiseRequest?> ReadAsync() => _inbox.ReadAsync(_call.Token);

    private static async Task<StatusCode> StatusOfAsync(Task task) =>
        (await Assert.ThrowsAsync<RpcException>(() => task)).StatusCode;

    private sealed class Caller : IAsyncStreamReader<DenoiseRequest>
    {
        private readonly Channel<DenoiseRequest> _messages = Channel.CreateUnbounded<DenoiseRequest>();

        public DenoiseRequest Current { get; private set; } = new();

        public void Send(DenoiseRequest request) => Assert.True(_messages.Writer.TryWrite(request));

        public void HalfClose() => _messages.Writer.Complete();

        public void Vanish() => _messages.Writer.Complete(new IOException("The client reset the request stream."));

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await _messages.Reader.WaitToReadAsync(cancellationToken))
                return false;
            Current = await _messages.Reader.ReadAsync(cancellationToken);
            return true;
        }
    }

    private sealed class Step : IDisposable
    {
        private readonly TaskCompletionSource<Step> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _interrupted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool HasBegun { get; init; }

        public bool IsDisposed { get; private set; }

        public Task Interrupted => _interrupted.Task;

        public Task<Step> RunAsync(CancellationToken cancellation)
        {
            cancellation.Register(() =>
            {
                _interrupted.TrySetResult();
                if (!HasBegun)
                    _done.TrySetCanceled(cancellation);
            });
            return _done.Task;
        }

        public void Finish() => _done.TrySetResult(this);

        public void Dispose() => IsDisposed = true;
    }
}
