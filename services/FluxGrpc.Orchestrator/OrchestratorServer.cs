using FluxGrpc.Hosting;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Orchestrator.Access;
using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Conditioning;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Telemetry;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Orchestrator.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator;

/// <summary>Puts the orchestrator together, for its own program and for programs that host it.</summary>
public static class OrchestratorServer
{
    /// <summary>The service's name.</summary>
    public const string Name = "orchestrator";

    /// <summary>
    /// Builds the service, not started. It serves as soon as the services behind it do; its
    /// <see cref="IModelReadiness.Ready"/> tells when that is first so.
    /// </summary>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is not allowed.</exception>
    public static WebApplication Build(OrchestratorOptions options)
    {
        new OptionsReader<OrchestratorOptions>(Name).Validate(options);
        var builder = ServiceHost.CreateBuilder(options);
        builder.AddTelemetry(Name, options);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(provider => new ApiKeys(
            options.ApiKeys, provider.GetRequiredService<ILogger<ApiKeys>>(), provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<ModelTier>();
        builder.Services.AddSingleton(provider => new WorkQueue(options.QueueLimits(), provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(new EmbeddingCache(options.PromptCacheBytes));
        builder.Services.AddSingleton<PromptEncoder>();
        builder.Services.AddSingleton<PictureEncoder>();
        builder.Services.AddSingleton<ImageDecoder>();
        builder.Services.AddSingleton<GenerationStages>();
        builder.Services.AddSingleton<GenerationMetrics>();
        builder.Services.AddSingleton<GenerationRunner>();
        builder.Services.AddSingleton(provider =>
            new GenerationRegistry(options.DetachedLimits(), provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<AttachedRuns>();
        builder.Services.AddSingleton<DetachedRuns>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<DetachedRuns>());
        builder.Services.AddSingleton<GenerateCalls>();
        builder.Services.AddSingleton<TierStatus>();
        builder.Services.AddSingleton<OrchestratorStatus>();
        builder.Services.AddSingleton<OrchestratorGauges>();
        builder.Services.AddSingleton<TierHealth>();
        builder.Services.AddSingleton<IModelReadiness>(provider => provider.GetRequiredService<TierHealth>());
        builder.Services.AddHostedService(provider => provider.GetRequiredService<TierHealth>());
        builder.Services.AddSingleton<WebFront>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<WebFront>());
        var app = builder.Build().MapServices<ImageGenerationService>().IdentifyCallers();
        app.Services.GetRequiredService<OrchestratorGauges>(); // Nothing else asks for them.
        return app;
    }

    /// <summary>Where a started orchestrator serves its web page: <c>http://127.0.0.1:5080</c>; empty where it serves none.</summary>
    public static string WebAddressOf(WebApplication app) => app.Services.GetRequiredService<WebFront>().Address;

    /// <summary>What its program writes before it says where it listens.</summary>
    internal static IEnumerable<string> Announce(WebApplication app)
    {
        if (WebAddressOf(app) is { Length: > 0 } address)
            yield return $"Web page at {address}";
    }
}
