using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.Hosting.Security;
using FluxGrpc.Orchestrator.Access;
using FluxGrpc.Orchestrator.Web.OpenAi;
using FluxGrpc.Orchestrator.Web.Page;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrchestratorClient = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>Puts the web front's HTTP server together: its bounds, what every answer has in common, its routes.</summary>
internal static class WebServer
{
    private const int MaxConnections = 1000;

    /// <summary>Builds the server, not started.</summary>
    /// <param name="options">Its address, names and limits.</param>
    /// <param name="orchestrator">Does the work.</param>
    /// <param name="services">The orchestrator's own: its keys and certificate.</param>
    /// <param name="logging">Where to log to.</param>
    /// <param name="time">Dates the answers that have a date.</param>
    public static WebApplication Build(
        OrchestratorOptions options, OrchestratorClient orchestrator, IServiceProvider services, ILoggerFactory logging,
        TimeProvider time)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Limits.MaxRequestBodySize = options.MaxWebBodyBytes;
            var address = ServiceAddress.Parse(options.WebAddress);
            kestrel.Listen(address, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (address.IsTls)
                    services.GetRequiredService<ServerTls>().Use(listen);
            });
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(logging);
        builder.Services.AddSingleton<IHostLifetime, CallerOwnsSignals>();
        builder.Services.Configure<HostOptions>(
            host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.ShutdownSeconds));

        var app = builder.Build();
        app.UseMiddleware<SecurityHeaders>();
        app.UseMiddleware<WebErrors>();
        app.UseMiddleware<KnownHosts>(new KnownHosts.Names(options.WebHosts.Split(',')));
        app.UseRouting();
        WebCallers.Identify(app, services.GetRequiredService<ApiKeys>());
        PageFiles.Map(app);
        new GenerateEndpoint(orchestrator).Map(app);
        new ModelsEndpoint(orchestrator, time).Map(app);
        new ImagesEndpoint(orchestrator, options.MaxWebBodyBytes, time).Map(app);
        return app;
    }
}
