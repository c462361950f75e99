using System.Threading.Channels;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class SessionStreamTests : IDisposable
{
    private static readonly TimeSpan _idleLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _shutdown = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _call = new();
    private readonly Caller _caller = new();
    private readonly Answers _answers = new();
    private readonly Drain _drain;
    private readonly SessionStream _stream;

    public SessionStreamTests()
    {
        _drain = new Drain(_shutdown, _time, _stopping.Token);
        _stream = new SessionStream(_caller, _answers, _idleLimit, _drain, _time);
    }

    public void Dispose()
    {
        _drain.Dispose();
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
    public async Task A_call_without_a_session_is_refused_when_the_server_stops()
    {
        var reading = ReadAsync();

        await _stopping.CancelAsync();

        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(reading));
        Assert.Empty(_answers.Sent);
    }

    [Fact]
    public async Task An_idle_session_is_told_once_that_the_server_stops_and_may_close_in_good_order()
    {
        await OpenAsync();
        var reading = ReadAsync();
        await _stopping.CancelAsync();
        var notice = await _answers.NextAsync();
        Assert.Equal(_shutdown, notice.DrainNotice.Grace.ToTimeSpan());
        Assert.False(reading.IsCompleted);

        _caller.HalfClose();

        Assert.Null(await reading);
        Assert.Single(_answers.Sent);
    }

    [Fact]
    public async Task An_idle_session_that_does_not_close_is_sent_away()
    {
        await OpenAsync();
        var reading = ReadAsync();
        await _stopping.CancelAsync();
        await _answers.NextAsync();

        await AdvanceUntilAsync(reading, Drain.FarewellTime);

        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(reading));
    }

    [Fact]
    public async Task A_step_sent_after_the_notice_belongs_to_another_replica()
    {
        await OpenAsync();
        var reading = ReadAsync();
        await _stopping.CancelAsync();
        await _answers.NextAsync();

        _caller.Send(new DenoiseRequest());

        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(reading));
    }

    [Fact]
    public async Task A_step_that_came_before_the_notice_is_still_served()
    {
        await OpenAsync();
        var request = new DenoiseRequest();
        _caller.Send(request);
        await _stopping.CancelAsync();

        Assert.Same(request, await ReadAsync());
        Assert.Empty(_answers.Sent);
    }

    [Fact]
    public async Task The_notice_comes_while_a_step_runs_and_the_step_runs_to_its_end()
    {
        await OpenAsync();
        var step = new Step { HasBegun = true };
        var watching = _stream.WatchAsync(step.RunAsync, _call.Token);

        await _stopping.CancelAsync();
        Assert.NotNull((await _answers.NextAsync()).DrainNotice);
        _time.Advance(Drain.QueueTime);
        await step.Interrupted;
        step.Finish();

        Assert.Same(step, await watching);
        _caller.HalfClose();
        Assert.Null(await ReadAsync());
        Assert.Single(_answers.Sent);
    }

    [Fact]
    public async Task A_step_whose_turn_does_not_come_in_time_is_left_to_another_replica()
    {
        await OpenAsync();
        var step = new Step();
        var watching = _stream.WatchAsync(step.RunAsync, _call.Token);
        await _stopping.CancelAsync();
        await _answers.NextAsync();

        _time.Advance(Drain.QueueTime);

        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(watching));
    }

    [Fact]
    public async Task A_caller_who_vanishes_before_the_notice_is_left_only_when_its_step_has_ended()
    {
        await OpenAsync();
        var step = new Step { HasBegun = true };
        var watching = _stream.WatchAsync(step.RunAsync, _call.Token);
        _answers.Broken = new IOException("The client reset the stream.");

        await _stopping.CancelAsync();
        await step.Interrupted;
        Assert.False(watching.IsCompleted);
        step.Finish();

        await Assert.ThrowsAsync<IOException>(() => watching);
        Assert.True(step.IsDisposed);
    }

    [Fact]
    public async Task The_grace_is_what_the_shutdown_leaves()
    {
        await _stopping.CancelAsync();
        _time.Advance(_shutdown / 3);
        Assert.Equal(_shutdown * 2 / 3, _drain.Grace);

        _time.Advance(_shutdown);
        Assert.Equal(TimeSpan.Zero, _drain.Grace);
    }

    [Fact]
    public async Task A_half_close_during_a_step_is_read_after_it()
    {
        var step = new Step();
        var watching = _stream.WatchAsync(step.RunAsync, _call.Token);

        _caller.HalfClose();
        step.Finish();

        Assert.Same(step, await watching);
        Assert.Null(await ReadAsync());
    }

    [Fact]
    public async Task A_message_during_a_step_drops_it_where_it_has_not_begun()
    {
        var step = new Step();
        var watching = _stream.WatchAsync(step.RunAsync, _call.Token);

        _caller.Send(new DenoiseRequest());

        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(watching));
        Assert.True(step.Interrupted.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task The_result_of_an_interrupted_step_that_had_begun_is_freed()
    {
        var step = new Step { HasBegun = true };
        var watching = _stream.WatchAsync(step.RunAsync, _call.Token);

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

    private async Task OpenAsync()
    {
        await _stream.AcceptAsync(new SessionAccepted(), _call.Token);
        Assert.NotNull((await _answers.NextAsync()).Accepted);
        _answers.Sent.Clear();
    }

    /// <summary>Lets time pass until a task ends: what sets its timer may run a little after what the test saw.</summary>
    private async Task AdvanceUntilAsync(Task task, TimeSpan step)
    {
        while (!task.IsCompleted)
        {
            _time.Advance(step);
            await Task.Yield();
        }
    }

    private Task<DenoiseRequest?> ReadAsync() => _stream.ReadAsync(_call.Token);

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

    private sealed class Answers : IAsyncStreamWriter<DenoiseResponse>
    {
        private readonly Channel<DenoiseResponse> _messages = Channel.CreateUnbounded<DenoiseResponse>();

        public List<DenoiseResponse> Sent { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        /// <summary>What writing throws, where it does.</summary>
        public Exception? Broken { get; set; }

        public Task WriteAsync(DenoiseResponse message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(DenoiseResponse message, CancellationToken cancellationToken)
        {
            if (Broken is not null)
                return Task.FromException(Broken);
            Sent.Add(message);
            Assert.True(_messages.Writer.TryWrite(message));
            return Task.CompletedTask;
        }

        public async Task<DenoiseResponse> NextAsync() => await _messages.Reader.ReadAsync();
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
