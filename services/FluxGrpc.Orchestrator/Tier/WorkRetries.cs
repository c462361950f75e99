using FluxGrpc.Orchestrator.Sampling;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// Does pieces of work again where that can help: at once at another replica after the first failure, then with growing, jittered
/// pauses, until the caller's deadline or the configured wait is over. What fails in the end fails as
/// <see cref="ComponentErrors"/> says.
/// </summary>
internal sealed partial class WorkRetries
{
    private static readonly TimeSpan _firstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromSeconds(2);
    private static readonly ResiliencePropertyKey<WorkAttempts> _attempts = new("attempts");

    private readonly string _component;
    private readonly Patience _patience;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ResiliencePipeline _pipeline;

    /// <param name="component">The service's name.</param>
    /// <param name="patience">How long a piece of work waits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Gets the failures that become INTERNAL.</param>
    public WorkRetries(string component, Patience patience, TimeProvider time, ILogger logger)
    {
        (_component, _patience, _time, _logger) = (component, patience, time, logger);
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = int.MaxValue, // Time and losses are the bounds.
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = _firstDelay,
            MaxDelay = _longestDelay,
            ShouldHandle = arguments => ValueTask.FromResult(
                !arguments.Context.CancellationToken.IsCancellationRequested
                && arguments.Outcome.Exception is { } failure
                && arguments.Context.Properties.GetValue(_attempts, null!).Allow(failure)),
            DelayGenerator = arguments => ValueTask.FromResult(arguments.AttemptNumber == 0 ? TimeSpan.Zero : (TimeSpan?)null),
        }).Build();
    }

    /// <summary>Does a piece of work.</summary>
    /// <param name="work">One attempt; notes its failures.</param>
    /// <param name="options">The caller's deadline and cancellation.</param>
    /// <exception cref="RpcException">The last failure, as callers may see it.</exception>
    /// <exception cref="OperationCanceledException">The caller's token was cancelled.</exception>
    public async Task<T> ExecuteAsync<T>(Func<WorkAttempts, CancellationToken, Task<T>> work, CallOptions options)
    {
        var attempts = new WorkAttempts(_patience.EndOf(options), _time);
        var context = ResilienceContextPool.Shared.Get(options.CancellationToken);
        try
        {
            context.Properties.Set(_attempts, attempts);
            return await _pipeline.ExecuteAsync(
                static async (context, state) => await state.work(state.attempts, context.CancellationToken), context, (work, attempts));
        }
        catch (Exception failure) when (failure is RpcException or TimeoutRejectedException or BrokenCircuitException
            or SessionLostException or NoReplicaException)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            throw Translate(failure, attempts);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private RpcException Translate(Exception failure, WorkAttempts attempts)
    {
        var translated = ComponentErrors.Translate(_component, failure, attempts.LastFailure);
        if (translated.StatusCode == StatusCode.Internal)
            LogFailure(_logger, _component, failure);
        return translated;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Component} failed")]
    private static partial void LogFailure(ILogger logger, string component, Exception failure);
}
