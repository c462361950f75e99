using FluxGrpc.Hosting;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// Keeps the orchestrator's own health: SERVING while at least one service of each kind behind it is SERVING and their models fit
/// together. Also starts the search for them.
/// </summary>
internal sealed partial class TierHealth(
    ModelTier tier, HealthServiceImpl health, IHostApplicationLifetime lifetime, ILogger<TierHealth> logger)
    : BackgroundService, IModelReadiness
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Of the last look: the model that is served, or what keeps it from being served.
    private (ModelFacts? Facts, string? Problem) _last;

    /// <inheritdoc/>
    public Task Ready => _ready.Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // Let the host go on starting.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        try
        {
            var start = tier.StartAsync();
            while (true)
            {
                var news = tier.WaitForNewsAsync(stopping.Token);
                Look();
                await news;
                if (start.IsFaulted)
                    await start;
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            _ready.TrySetCanceled(CancellationToken.None);
        }
        finally
        {
            health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
        }
    }

    private void Look()
    {
        var hasReported = tier.HasReported; // Just started: nothing to tell yet.
        try
        {
            var facts = tier.CurrentFacts();
            health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
            _ready.TrySetResult();
            if (_last.Facts != facts)
                LogServing(logger, facts.ModelName);
            _last = (facts, null);
        }
        catch (RpcException failure)
        {
            health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
            var problem = failure.Status.Detail;
            if (_last.Problem != problem && hasReported)
                LogNotServing(logger, problem);
            _last = (null, hasReported ? problem : null);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving {Model}")]
    private static partial void LogServing(ILogger logger, string model);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not serving: {Problem}")]
    private static partial void LogNotServing(ILogger logger, string problem);
}
