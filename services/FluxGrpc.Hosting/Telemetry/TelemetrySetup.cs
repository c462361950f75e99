using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>
/// Sends what a service measures to where the options say: nothing by default, and then nobody listens to its spans and metrics.
/// </summary>
public static class TelemetrySetup
{
    private const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceNameKey = "OTEL_SERVICE_NAME";
    private const string GrpcSpansKey = "OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_ENABLE_GRPC_INSTRUMENTATION";

    /// <summary>Meters of .NET itself: memory, collections, threads; connections, requests, calls.</summary>
    private static readonly string[] _frameworkMeters =
    [
        "System.Runtime", "System.Net.Http", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel",
    ];

    /// <summary>Requests that say nothing about any picture, and would bury those that do.</summary>
    private static readonly PathString[] _untraced = ["/grpc.health.v1.Health", "/grpc.reflection", MetricsFront.Path];

    /// <summary>Sets a service's telemetry up.</summary>
    /// <param name="builder">The service's builder.</param>
    /// <param name="service">Its name: "text-encoder".</param>
    /// <param name="options">Validated options.</param>
    /// <param name="instance">Name of this replica; null for one that is drawn.</param>
    public static void AddTelemetry(this WebApplicationBuilder builder, string service, ServiceOptions options, string? instance = null)
    {
        builder.Services.AddSingleton<TensorTraffic>();
        var isScraped = options.MetricsAddress != ServiceOptions.NoMetrics;
        var isSent = options.OtlpEndpoint.Length > 0;
        if (!isScraped && !isSent)
            return;

        // The exporters read their standard variables from the configuration, as the instrumentation reads its switch.
        builder.Configuration[GrpcSpansKey] = "true";
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => Describe(resource, builder.Configuration[ServiceNameKey] ?? $"flux-{service}", instance))
            .WithMetrics(metrics => AddMetrics(metrics, isScraped));
        if (isSent)
        {
            builder.Configuration[EndpointKey] = options.OtlpEndpoint;
            telemetry.WithTracing(AddTraces)
                .WithLogging(configureBuilder: null, logs => (logs.IncludeScopes, logs.IncludeFormattedMessage) = (true, true))
                .UseOtlpExporter();
        }

        if (isScraped)
        {
            builder.Services.AddSingleton<ServiceOptions>(options);
            builder.Services.AddSingleton<MetricsFront>();
            builder.Services.AddHostedService(provider => provider.GetRequiredService<MetricsFront>());
        }
    }

    /// <summary>Where a started service has its metrics; empty where it has none.</summary>
    public static string MetricsAddressOf(WebApplication app) => app.Services.GetService<MetricsFront>()?.Address ?? "";

    private static void Describe(ResourceBuilder resource, string name, string? instance) => resource.AddService(
        name, serviceNamespace: null, Assembly.GetExecutingAssembly().GetName().Version!.ToString(3),
        autoGenerateServiceInstanceId: instance is null, instance);

    private static void AddMetrics(MeterProviderBuilder metrics, bool isScraped)
    {
        metrics.AddMeter([TelemetryNames.AllSources, .. _frameworkMeters]);
        if (isScraped)
            metrics.AddPrometheusExporter();
    }

    private static void AddTraces(TracerProviderBuilder traces) => traces
        .AddSource(TelemetryNames.AllSources)
        .AddAspNetCoreInstrumentation(server => server.Filter = context =>
            !Array.Exists(_untraced, path => context.Request.Path.Value!.StartsWith(path.Value!, StringComparison.Ordinal)))
        .AddGrpcClientInstrumentation();
}
