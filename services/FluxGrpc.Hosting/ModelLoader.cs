using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting;

/// <summary>
/// Loads the model while the service already answers health checks, then turns it SERVING; a model that cannot be loaded
/// ends the service. Owns the model from then on.
/// </summary>
internal sealed partial class ModelLoader<TModel>(
    ModelSlot<TModel> slot,
    Func<CancellationToken, Task<TModel>> load,
    HealthServiceImpl health,
    IHostApplicationLifetime lifetime,
    ILogger<ModelLoader<TModel>> logger) : BackgroundService
    where TModel : class, IDisposable
{
    private TModel? _model;

    public override void Dispose()
    {
        base.Dispose();
        _model?.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // A model that cannot be loaded stops the host, and only a host that has started can be stopped in an orderly way.
            await lifetime.ApplicationStarted.WhenCancelledAsync().WaitAsync(stoppingToken);
            _model = await load(stoppingToken);
            slot.Fill(_model);
            health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
            LogReady(logger);
            await lifetime.ApplicationStopping.WhenCancelledAsync();
            health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            slot.Abandon();
        }
        catch (Exception exception)
        {
            slot.Fail(exception);
            lifetime.StopApplication();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Ready")]
    private static partial void LogReady(ILogger logger);
}
