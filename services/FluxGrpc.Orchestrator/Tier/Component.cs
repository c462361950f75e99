using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// A service behind the orchestrator: the channel to it, and how its calls are retried and fail. Only UNAVAILABLE, and
/// RESOURCE_EXHAUSTED that says when to come back, are retried: a few times, for a few seconds at most.
/// </summary>
internal sealed partial class Component : IDisposable
{
    public const string TextEncoderName = "text-encoder";
    public const string DenoiserName = "denoiser";
    public const string VaeName = "vae";

    private const int MaxRetries = 3;
    private static readonly TimeSpan _firstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromSeconds(2);

    private readonly GrpcChannel _channel;
    private readonly ResiliencePipeline _retries;
    private readonly ILogger _logger;

    /// <param name="name">The service's name, as callers know it: "denoiser".</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="time">The clock of the retries.</param>
    /// <param name="logger">Gets the failures that become INTERNAL.</param>
    public Component(string name, ServiceAddress address, TimeProvider time, ILogger logger)
    {
        Name = name;
        _channel = ServiceChannel.Create(address);
        _logger = logger;
        _retries = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = MaxRetries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = _firstDelay,
            MaxDelay = _longestDelay,
            ShouldHandle = arguments => ValueTask.FromResult(
                !arguments.Context.CancellationToken.IsCancellationRequested
                && arguments.Outcome.Exception is RpcException failure && ComponentErrors.IsTransient(failure)),
            DelayGenerator = arguments => ValueTask.FromResult(AskedDelay(arguments.Outcome.Exception)),
        }).Build();
    }

    /// <summary>The service's name.</summary>
    public string Name { get; }

    /// <summary>For the clients of the service.</summary>
    public ChannelBase Channel => _channel;

    /// <summary>Calls the service, again where it is worth it.</summary>
    /// <exception cref="RpcException">The last failure, as <see cref="ComponentErrors"/> translates it.</exception>
    /// <exception cref="OperationCanceledException">The caller's token was cancelled.</exception>
    public Task<T> CallAsync<T>(Func<CallOptions, Task<T>> call, CallOptions options) => TranslateAsync(
        async () => await _retries.ExecuteAsync(async _ => await call(options), options.CancellationToken), options);

    /// <summary>Calls the service once: for what must not be done twice, or is done again by other means.</summary>
    /// <inheritdoc cref="CallAsync{T}" path="/exception"/>
    public Task<T> CallOnceAsync<T>(Func<CallOptions, Task<T>> call, CallOptions options) =>
        TranslateAsync(() => call(options), options);

    /// <summary>As <see cref="CallOnceAsync{T}"/>, without a result.</summary>
    /// <inheritdoc cref="CallAsync{T}" path="/exception"/>
    public Task CallOnceAsync(Func<CallOptions, Task> call, CallOptions options) => TranslateAsync(async () =>
    {
        await call(options);
        return true;
    }, options);

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private async Task<T> TranslateAsync<T>(Func<Task<T>> call, CallOptions options)
    {
        try
        {
            return await call();
        }
        catch (RpcException failure)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            var translated = ComponentErrors.Translate(Name, failure);
            if (translated.StatusCode == StatusCode.Internal)
                LogFailure(_logger, Name, failure);
            throw translated;
        }
    }

    /// <summary>The delay that the service asks for, within bounds; null for our own backoff.</summary>
    private static TimeSpan? AskedDelay(Exception? failure) =>
        failure is RpcException rpc && ComponentErrors.RetryDelay(rpc) is { } delay
            ? TimeSpan.FromTicks(Math.Clamp(delay.Ticks, _firstDelay.Ticks, _longestDelay.Ticks))
            : null;

    [LoggerMessage(Level = LogLevel.Error, Message = "{Component} failed")]
    private static partial void LogFailure(ILogger logger, string component, Exception failure);
}
