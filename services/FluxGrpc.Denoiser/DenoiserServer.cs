using System.Diagnostics.Metrics;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Denoiser.Telemetry;
using FluxGrpc.Hosting;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Torch.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Denoiser;

/// <summary>Builds the denoiser's server, for its own process or inside another.</summary>
public static class DenoiserServer
{
    /// <summary>The service's name in options and logs.</summary>
    public const string Name = "denoiser";

    /// <summary>Builds the server; its model loads once it has started.</summary>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is not allowed.</exception>
    public static WebApplication Build(DenoiserOptions options)
    {
        new OptionsReader<DenoiserOptions>(Name).Validate(options);
        var id = ReplicaId(options);
        var builder = ServiceHost.CreateBuilder(options);
        builder.AddTelemetry(Name, options, id);
        builder.Services.AddSingleton(options)
            .AddSingleton(_ => new DenoiserActivities(id))
            .AddSingleton(services => new ComputeMetrics(services.GetRequiredService<IMeterFactory>(), options.Device))
            .AddSingleton<DenoiserMetrics>()
            .AddSingleton<DenoiserTelemetry>()
            .AddSingleton(services => new Drain(
                TimeSpan.FromSeconds(options.ShutdownSeconds),
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping))
            .AddSingleton<Func<BatchLimits>>(services =>
                () => BatchLimits.Of(options, services.GetRequiredService<ModelSlot<DenoiserModel>>().Loaded))
            .AddSingleton(services => new StepScheduler(
                services.GetRequiredService<Func<BatchLimits>>(),
                (steps, cancellation) => PredictAsync(services, steps, cancellation),
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<DenoiserActivities>(),
                services.GetRequiredService<ILogger<StepScheduler>>()))
            .AddSingleton(services => new Replica(id, new Admission(AdmissionLimits.Of(options)),
                services.GetRequiredService<StepScheduler>(), services.GetRequiredService<Drain>(),
                services.GetRequiredService<Func<BatchLimits>>()))
            .AddSingleton<SessionHandler>()
            .AddModel((services, cancellation) =>
                DenoiserModel.LoadAsync(options, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<LoadingLog>(),
                    cancellation));
        return builder.Build().MapServices<DenoiserService>();
    }

    private static async Task<BatchResult> PredictAsync(
        IServiceProvider services, IReadOnlyList<ScheduledStep> steps, CancellationToken cancellation)
    {
        var model = services.GetRequiredService<ModelSlot<DenoiserModel>>().Get();
        var result = await model.PredictVelocitiesAsync(steps, cancellation);
        services.GetRequiredService<DenoiserMetrics>().NotePass(steps, result);
        return result;
    }

    private static string ReplicaId(DenoiserOptions options) => options.ReplicaId.Length > 0
        ? options.ReplicaId
        : $"{Environment.MachineName}-{Guid.NewGuid().ToString("N")[..8]}";
}
