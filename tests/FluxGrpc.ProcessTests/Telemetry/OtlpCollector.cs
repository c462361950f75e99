using System.Collections.Concurrent;
using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.ProcessTests.Telemetry.Otlp;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>A collector of OpenTelemetry's protocol over gRPC on a free port: keeps what it is sent.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private static readonly ServiceAddress _anyPort = ServiceAddress.Parse("http://127.0.0.1:0");
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentQueue<IMessage> _received = new();
    private readonly SemaphoreSlim _news = new(0);
    private readonly WebApplication _app;

    private OtlpCollector()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(_anyPort, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _app = builder.Build();
        _app.MapGrpcService<Traces>();
        _app.MapGrpcService<Logs>();
        _app.MapGrpcService<Metrics>();
    }

    /// <summary>Where it listens.</summary>
    public string Address => ServiceEndpoint.BoundAddress(_app.Services.GetRequiredService<IServer>(), _anyPort);

    /// <summary>Every message as it came over the wire, unknown fields included.</summary>
    public IEnumerable<byte[]> Messages => _received.Select(message => message.ToByteArray());

    /// <summary>Names of all metrics, with the services that sent them.</summary>
    public ILookup<string, string> MetricNames => (
        from request in _received.OfType<ExportMetricsServiceRequest>()
        from resource in request.ResourceMetrics
        from scope in resource.ScopeMetrics
        from metric in scope.Metrics
        select (Service: NameOf(resource.Resource), metric.Name)).Distinct().ToLookup(metric => metric.Service, metric => metric.Name);

    /// <summary>All log records.</summary>
    public IReadOnlyList<ReceivedLog> LogRecords =>
    [
        .. from request in _received.OfType<ExportLogsServiceRequest>()
           from resource in request.ResourceLogs
           from scope in resource.ScopeLogs
           from record in scope.LogRecords
           select new ReceivedLog(NameOf(resource.Resource), record),
    ];

    /// <summary>All spans.</summary>
    public IReadOnlyList<ReceivedSpan> Spans =>
    [
        .. from request in _received.OfType<ExportTraceServiceRequest>()
           from resource in request.ResourceSpans
           from scope in resource.ScopeSpans
           from span in scope.Spans
           select new ReceivedSpan(NameOf(resource.Resource), span),
    ];

    public static async Task<OtlpCollector> StartAsync()
    {
        var collector = new OtlpCollector();
        await collector._app.StartAsync();
        return collector;
    }

    /// <summary>Waits until what was received is as wished.</summary>
    public async Task UntilAsync(Func<bool> isSo, Func<string> describe)
    {
        using var timeout = new CancellationTokenSource(_patience);
        while (!isSo())
        {
            try
            {
                await _news.WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException(describe());
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _news.Dispose();
    }

    private static string NameOf(Resource resource) =>
        resource.Attributes.Single(attribute => attribute.Key == "service.name").Value.StringValue;

    private Task<T> TakeAsync<T>(IMessage message, T answer)
    {
        _received.Enqueue(message);
        _news.Release();
        return Task.FromResult(answer);
    }

    private sealed class Traces(OtlpCollector collector) : TraceService.TraceServiceBase
    {
        public override Task<ExportTraceServiceResponse> Export(ExportTraceServiceRequest request, ServerCallContext context) =>
            collector.TakeAsync(request, new ExportTraceServiceResponse());
    }

    private sealed class Logs(OtlpCollector collector) : LogsService.LogsServiceBase
    {
        public override Task<ExportLogsServiceResponse> Export(ExportLogsServiceRequest request, ServerCallContext context) =>
            collector.TakeAsync(request, new ExportLogsServiceResponse());
    }

    private sealed class Metrics(OtlpCollector collector) : MetricsService.MetricsServiceBase
    {
        public override Task<ExportMetricsServiceResponse> Export(ExportMetricsServiceRequest request, ServerCallContext context) =>
            collector.TakeAsync(request, new ExportMetricsServiceResponse());
    }
}
