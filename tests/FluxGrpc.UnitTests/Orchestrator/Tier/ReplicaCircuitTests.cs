using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Polly.CircuitBreaker;
using Polly.Timeout;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class ReplicaCircuitTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(7);

    private readonly FakeTimeProvider _time = new();
    private readonly ReplicaCircuit _circuit;
    private int _changes;

    public ReplicaCircuitTests() => _circuit = new ReplicaCircuit(_time, () => _changes++);

    [Fact]
    public async Task An_exchange_that_takes_too_long_is_stopped()
    {
        var exchange = _circuit.ExecuteAsync(ForeverAsync, _limit, CancellationToken.None);
        _time.Advance(_limit - TimeSpan.FromMilliseconds(1));
        Assert.False(exchange.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(2));

        await Assert.ThrowsAsync<TimeoutRejectedException>(() => exchange);
    }

    [Fact]
    public async Task A_call_that_reports_its_cancellation_by_status_is_stopped_all_the_same()
    {
        var exchange = _circuit.ExecuteAsync<int>(async token =>
        {
            await Task.Delay(Timeout.Infinite, token).ContinueWith(static _ => { }, TaskScheduler.Default);
            throw new RpcException(new Status(StatusCode.Cancelled, "cancelled"));
        }, _limit, CancellationToken.None);

        _time.Advance(_limit * 2);

        await Assert.ThrowsAsync<TimeoutRejectedException>(() => exchange);
    }

    [Fact]
    public async Task The_callers_cancellation_is_no_timeout()
    {
        using var cancellation = new CancellationTokenSource();
        var exchange = _circuit.ExecuteAsync(ForeverAsync, _limit, cancellation.Token);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exchange);
        Assert.True(_circuit.LetsThrough);
    }

    [Fact]
    public async Task Failures_open_it_then_one_exchange_is_let_through_and_closes_it()
    {
        await FailAsync(4);
        Assert.False(_circuit.LetsThrough);
        Assert.Equal(1, _changes);
        Assert.InRange(_circuit.TimeLeft.TotalSeconds, 0.9, 1.1);
        await Assert.ThrowsAsync<BrokenCircuitException>(() => SucceedAsync());

        _time.Advance(_circuit.TimeLeft);
        Assert.True(_circuit.LetsThrough);
        await SucceedAsync();

        Assert.Equal(2, _changes);
        await FailAsync(1);
        Assert.True(_circuit.LetsThrough);
    }

    [Fact]
    public async Task While_one_exchange_tries_it_no_other_is_let_through()
    {
        await FailAsync(4);
        _time.Advance(_circuit.TimeLeft);
        using var cancellation = new CancellationTokenSource();
        var trial = _circuit.ExecuteAsync(ForeverAsync, _limit, cancellation.Token);

        Assert.False(_circuit.LetsThrough);

        _time.Advance(_limit);
        await Assert.ThrowsAsync<TimeoutRejectedException>(() => trial);
        Assert.InRange(_circuit.TimeLeft.TotalSeconds, 1.5, 2.1); // Longer with each trial that fails.
    }

    [Fact]
    public async Task News_of_health_close_it()
    {
        await FailAsync(4);

        await _circuit.CloseAsync();

        Assert.True(_circuit.LetsThrough);
        await SucceedAsync();
    }

    [Fact]
    public async Task A_full_replica_or_a_bug_of_ours_does_not_open_it()
    {
        for (var i = 0; i < 20; i++)
        {
            await FailAsync(1, RpcErrors.ResourceExhausted("FULL", "full", _limit));
            await FailAsync(1, Violations.Of("step", "is wrong"));
        }

        Assert.True(_circuit.LetsThrough);
    }

    private async Task FailAsync(int count, RpcException? failure = null)
    {
        failure ??= RpcErrors.Unavailable("BROKEN", "no", _limit);
        for (var i = 0; i < count; i++)
        {
            await Assert.ThrowsAsync<RpcException>(() =>
                _circuit.ExecuteAsync<int>(_ => throw failure, _limit, CancellationToken.None));
        }
    }

    private Task<int> SucceedAsync() => _circuit.ExecuteAsync(_ => Task.FromResult(1), _limit, CancellationToken.None);

    private static async Task<int> ForeverAsync(CancellationToken cancellation)
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        return 0;
    }
}
