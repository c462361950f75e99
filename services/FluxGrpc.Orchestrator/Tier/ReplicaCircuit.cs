using FluxGrpc.Orchestrator.Sampling;
using Grpc.Core;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// What every exchange with one replica goes through: a circuit breaker around a timeout. A replica whose exchanges keep failing
/// is left alone for a while, then tried with one; news that it serves close the circuit at once.
/// </summary>
internal sealed class ReplicaCircuit
{
    private const double FailureRatio = 0.5;
    private const int LeastExchanges = 4;

    private static readonly TimeSpan _window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _firstBreak = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestBreak = TimeSpan.FromSeconds(30);
    private static readonly ResiliencePropertyKey<TimeSpan> _limit = new("limit");

    private readonly CircuitBreakerManualControl _control = new();
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly ResiliencePipeline _pipeline;
    private readonly TimeProvider _time;
    private long _openUntilTicks;

    /// <param name="time">The clock of breaks and timeouts.</param>
    /// <param name="changed">Called when the circuit opens or closes.</param>
    public ReplicaCircuit(TimeProvider time, Action changed)
    {
        _time = time;
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                FailureRatio = FailureRatio,
                MinimumThroughput = LeastExchanges,
                SamplingDuration = _window,
                BreakDurationGenerator = arguments => ValueTask.FromResult(BreakAfter(arguments.HalfOpenAttempts)),
                ShouldHandle = arguments => ValueTask.FromResult(CountsAgainst(arguments.Outcome.Exception)),
                ManualControl = _control,
                StateProvider = _state,
                OnOpened = arguments =>
                {
                    Volatile.Write(ref _openUntilTicks, (time.GetUtcNow() + arguments.BreakDuration).UtcTicks);
                    changed();
                    return default;
                },
                OnClosed = _ =>
                {
                    changed();
                    return default;
                },
            })
            .AddTimeout(new TimeoutStrategyOptions
            {
                TimeoutGenerator = arguments =>
                    ValueTask.FromResult(arguments.Context.Properties.GetValue(_limit, Timeout.InfiniteTimeSpan)),
            })
            .Build();
    }

    /// <summary>True where an exchange would be let through.</summary>
    public bool LetsThrough => _state.CircuitState switch
    {
        CircuitState.Closed => true,
        CircuitState.Open => TimeLeft <= TimeSpan.Zero,
        _ => false, // Being tried by another.
    };

    /// <summary>Time until an open circuit lets one exchange through.</summary>
    public TimeSpan TimeLeft => _state.CircuitState == CircuitState.Open
        ? new DateTimeOffset(Volatile.Read(ref _openUntilTicks), TimeSpan.Zero) - _time.GetUtcNow()
        : TimeSpan.Zero;

    /// <summary>Makes one exchange.</summary>
    /// <param name="exchange">The exchange; stops when its token says so.</param>
    /// <param name="limit">Its longest time.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="BrokenCircuitException">The circuit is open.</exception>
    /// <exception cref="TimeoutRejectedException">The time is over.</exception>
    public async Task<T> ExecuteAsync<T>(
        Func<CancellationToken, Task<T>> exchange, TimeSpan limit, CancellationToken cancellation)
    {
        var context = ResilienceContextPool.Shared.Get(cancellation);
        try
        {
            context.Properties.Set(_limit, limit);
            return await _pipeline.ExecuteAsync(
                static async (context, exchange) => await CancellableAsync(exchange, context.CancellationToken), context, exchange);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>Forgets the failures.</summary>
    public Task CloseAsync() => _control.CloseAsync();

    /// <summary>A call that was cancelled says so as the timeout expects it, and not with a status.</summary>
    private static async Task<T> CancellableAsync<T>(Func<CancellationToken, Task<T>> exchange, CancellationToken cancellation)
    {
        try
        {
            return await exchange(cancellation);
        }
        catch (RpcException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
    }

    /// <summary>A full replica is not a broken one.</summary>
    private static bool CountsAgainst(Exception? failure) => failure switch
    {
        TimeoutRejectedException or SessionLostException => true,
        RpcException rpc => rpc.StatusCode != StatusCode.ResourceExhausted && ComponentErrors.IsTransient(rpc),
        _ => false,
    };

    private static TimeSpan BreakAfter(int attempts)
    {
        var doubled = _firstBreak * Math.Pow(2, attempts);
        return doubled < _longestBreak ? doubled : _longestBreak;
    }
}
