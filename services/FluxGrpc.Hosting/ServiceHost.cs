using FluxGrpc.Channels;
using FluxGrpc.Hosting.Security;
using FluxGrpc.Hosting.Telemetry;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace FluxGrpc.Hosting;

/// <summary>What every service does alike: endpoint, message limits, health, reflection, error statuses, graceful stop.</summary>
public static class ServiceHost
{
    /// <summary>
    /// Name in grpc.health.v1 of what is SERVING for as long as the process answers, also while its model loads or, in the
    /// orchestrator, a service behind it is away: what a supervisor asks that would end the process.
    /// </summary>
    public const string Liveness = "liveness";

    /// <summary>
    /// Options come from the command line and the environment alone. Watching for configuration files would cost each service one
    /// of a user's 128 inotify instances: 64 of them in a process, twice, and nothing starts any more.
    /// </summary>
    private static readonly string[] _watchNoFiles = ["--hostBuilder:reloadConfigOnChange=false"];

    /// <summary>A connection that says nothing for so long is asked whether it still lives.</summary>
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(30);

    /// <summary>Begins a service that listens at its address with HTTP/2.</summary>
    /// <param name="options">Validated options.</param>
    public static WebApplicationBuilder CreateBuilder(ServiceOptions options)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = _watchNoFiles });
        builder.Logging.SetMinimumLevel(options.LogLevel)
            .AddFilter("Microsoft", Quieter(options.LogLevel))
            .AddFilter("Grpc", Quieter(options.LogLevel))
            .AddConsole(options.LogFormat)
            // Standard output is for what a program may read: the line "Listening on ...".
            .Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

        var address = ServiceAddress.Parse(options.Address);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null; // gRPC bounds each message.
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.Http2.KeepAlivePingDelay = _silence;
            kestrel.Limits.Http2.InitialConnectionWindowSize = 16 << 20;
            kestrel.Limits.Http2.InitialStreamWindowSize = 16 << 20;
            kestrel.Listen(address, listen => UseHttp2(listen, address));
            if (options.HealthAddress.Length > 0)
                kestrel.Listen(ServiceAddress.Parse(options.HealthAddress), HealthCalls.Only);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.ShutdownSeconds));

        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.MaxMessageBytes;
            grpc.MaxSendMessageSize = null;
            grpc.Interceptors.Add<CallMetrics>();
            grpc.Interceptors.Add<ErrorInterceptor>();
        });
        builder.Services.AddSingleton<CallMetrics>();
        builder.Services.AddGrpcReflection();
        builder.Services.AddSingleton<HealthServiceImpl>();
        builder.Services.AddSingleton<OpenConnections>();
        builder.Services.AddSingleton(provider => new ServerTls(
            options, provider.GetRequiredService<ILogger<ServerTls>>(), provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(new ClientNames(options.TlsClientNames));
        builder.Services.AddHostedService(provider => new ExposureWarnings(
            options, provider.GetRequiredService<ILogger<ExposureWarnings>>()));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<IHostLifetime, CallerOwnsSignals>();
        return builder;
    }

    /// <summary>Loads a model behind the service; health turns SERVING when it is there. The host disposes it at the end.</summary>
    /// <param name="services">The service's container, which gets a <see cref="ModelSlot{TModel}"/>.</param>
    /// <param name="load">Loads and warms the model.</param>
    public static IServiceCollection AddModel<TModel>(
        this IServiceCollection services, Func<IServiceProvider, CancellationToken, Task<TModel>> load)
        where TModel : class, IDisposable
    {
        services.AddSingleton<LoadingLog>();
        services.AddSingleton<ModelSlot<TModel>>();
        services.AddSingleton<IModelReadiness>(provider => provider.GetRequiredService<ModelSlot<TModel>>());
        services.AddHostedService(provider => new ModelLoader<TModel>(
            provider.GetRequiredService<ModelSlot<TModel>>(),
            cancellation => load(provider, cancellation),
            provider.GetRequiredService<HealthServiceImpl>(),
            provider.GetRequiredService<IHostApplicationLifetime>(),
            provider.GetRequiredService<ILogger<ModelLoader<TModel>>>()));
        return services;
    }

    /// <summary>Maps the service beside health and reflection.</summary>
    public static WebApplication MapServices<TService>(this WebApplication app)
        where TService : class
    {
        var health = app.Services.GetRequiredService<HealthServiceImpl>();
        health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
        health.SetStatus(Liveness, HealthCheckResponse.Types.ServingStatus.Serving);
        OpenConnections.CloseAtStop(app);
        app.EndHealthWatchesAtStop();
        app.UseRequestScope();
        HealthCalls.Separate(app);
        ClientNames.Require(app);
        SlowCallers.CutOff(app);
        app.MapGrpcService<HealthServiceImpl>();
        app.MapGrpcReflectionService();
        app.MapGrpcService<TService>();
        return app;
    }

    /// <summary>Where a started service really listens: with the port that was free, where it was asked for port 0.</summary>
    public static string ListeningAddress(this WebApplication app, ServiceOptions options) =>
        ServiceEndpoint.BoundAddress(app.Services.GetRequiredService<IServer>(), ServiceAddress.Parse(options.Address));

    private static ILoggingBuilder AddConsole(this ILoggingBuilder logging, LogFormat format) => format == LogFormat.Json
        ? logging.AddJsonConsole(console =>
        {
            console.IncludeScopes = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        })
        : logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss ";
        });

    private static void UseHttp2(ListenOptions listen, ServiceAddress address)
    {
        listen.Protocols = HttpProtocols.Http2;
        OpenConnections.Count(listen);
        if (address.IsTls)
            listen.ApplicationServices.GetRequiredService<ServerTls>().Use(listen);
    }

    /// <summary>The frameworks tell every request at Information.</summary>
    private static LogLevel Quieter(LogLevel level) => level < LogLevel.Warning ? LogLevel.Warning : level;
}
