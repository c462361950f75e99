using System.Threading.Channels;
using FluxGrpc.Hosting;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// Keeps the orchestrator's own health: SERVING while the three services behind it are SERVING and their models fit together.
/// </summary>
internal sealed partial class TierHealth : BackgroundService, IModelReadiness
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private readonly ModelTier _tier;
    private readonly HealthServiceImpl _health;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger<TierHealth> _logger;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Holds at most one signal: news that came together are looked at together.
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private string? _lastProblem;

    public TierHealth(ModelTier tier, HealthServiceImpl health, IHostApplicationLifetime lifetime, TimeProvider time,
        ILogger<TierHealth> logger)
    {
        _tier = tier;
        _health = health;
        _lifetime = lifetime;
        _time = time;
        _logger = logger;
        Components = [.. tier.Components.Select(component => new ComponentHealth(component, Signal, time))];
    }

    /// <summary>The services behind, in the order of <see cref="ModelTier.Components"/>.</summary>
    public IReadOnlyList<ComponentHealth> Components { get; }

    /// <inheritdoc/>
    public Task Ready => _ready.Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // Let the host go on starting.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _lifetime.ApplicationStopping);
        var work = Components.Select(component => component.WatchAsync(stopping.Token)).Append(FollowAsync(stopping.Token));
        try
        {
            await await Task.WhenAny(work); // None of them ends by itself.
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            _ready.TrySetCanceled(CancellationToken.None);
        }
        finally
        {
            await stopping.CancelAsync();
            _health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
        }
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var settled = await CheckAsync(cancellation);
            Task news = _news.Reader.WaitToReadAsync(cancellation).AsTask();
            await (settled ? news : Task.WhenAny(news, Task.Delay(_retryDelay, _time, cancellation)));
            _news.Reader.TryRead(out _);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Sets the health.</summary>
    /// <returns>False where it has to be looked at again without news.</returns>
    private async Task<bool> CheckAsync(CancellationToken cancellation)
    {
        if (Components.Any(component => !component.HasReported))
            return true; // Just started: nothing to tell yet.

        var waiting = Components.Where(component => component.Problem is not null).ToArray();
        if (waiting.Length > 0)
        {
            SetProblem(string.Join("; ", waiting.Select(component => $"{component.Name}: {component.Problem}")));
            return true;
        }

        try
        {
            var facts = await _tier.GetFactsAsync(new CallOptions(cancellationToken: cancellation));
            SetServing(facts);
            return true;
        }
        catch (RpcException failure)
        {
            SetProblem(failure.Status.Detail);
            return failure.StatusCode == StatusCode.FailedPrecondition;
        }
    }

    private void SetServing(ModelFacts facts)
    {
        _lastProblem = null;
        _health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
        _ready.TrySetResult();
        LogServing(_logger, facts.ModelName);
    }

    private void SetProblem(string problem)
    {
        _health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
        if (problem != _lastProblem)
            LogNotServing(_logger, problem);
        _lastProblem = problem;
    }

    private void Signal() => _news.Writer.TryWrite(true);

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving {Model}")]
    private static partial void LogServing(ILogger logger, string model);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not serving: {Problem}")]
    private static partial void LogNotServing(ILogger logger, string problem);
}
