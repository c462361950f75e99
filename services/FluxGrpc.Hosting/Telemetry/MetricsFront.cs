using FluxGrpc.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>
/// Prometheus' endpoint, over HTTP/1.1 at an address of its own: without TLS, gRPC takes a whole port, and who may read the metrics
/// need not be who may order pictures.
/// </summary>
internal sealed class MetricsFront(ServiceOptions options, MeterProvider metrics, ILoggerFactory logging) : IHostedService, IAsyncDisposable
{
    /// <summary>Where in the address the metrics are.</summary>
    public const string Path = "/metrics";

    private const int MaxConnections = 100;

    private WebApplication? _app;

    /// <summary>Where it listens, once it does: <c>http://127.0.0.1:9464/metrics</c>.</summary>
    public string Address { get; private set; } = "";

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var address = ServiceAddress.Parse(options.MetricsAddress);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Listen(address, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddSingleton(logging);
        builder.Services.AddSingleton<IHostLifetime, CallerOwnsSignals>();
        _app = builder.Build();
        _app.UseOpenTelemetryPrometheusScrapingEndpoint(
            metrics, predicate: null, Path, configureBranchedPipeline: null, optionsName: null);
        await _app.StartAsync(cancellationToken);
        Address = ServiceEndpoint.BoundAddress(_app.Services.GetRequiredService<IServer>(), address) + Path;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app?.DisposeAsync() ?? ValueTask.CompletedTask;
}
