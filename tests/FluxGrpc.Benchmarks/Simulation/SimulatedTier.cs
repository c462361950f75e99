using System.Globalization;
using FluxGrpc.Hosting;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>A real orchestrator process over TCP in front of simulated services, which live in this process.</summary>
internal sealed class SimulatedTier : IAsyncDisposable
{
    private readonly List<WebApplication> _services = [];

    private SimulatedTier(IReadOnlyList<SimulatedDenoiser> denoisers) => Denoisers = denoisers;

    public IReadOnlyList<SimulatedDenoiser> Denoisers { get; }

    public ServiceProcess Orchestrator { get; private set; } = null!;

    public ImageGenerationService.ImageGenerationServiceClient Client => new(Orchestrator.Channel);

    /// <summary>Starts all of it.</summary>
    /// <param name="replicas">Simulated denoisers.</param>
    /// <param name="stepTime">What a step of theirs takes.</param>
    /// <param name="maxGenerations">Generations that the orchestrator runs at once.</param>
    public static async Task<SimulatedTier> StartAsync(int replicas, TimeSpan stepTime, int maxGenerations)
    {
        var tier = new SimulatedTier(
            [.. Enumerable.Range(1, replicas).Select(number => new SimulatedDenoiser($"simulated-{number}", stepTime))]);
        try
        {
            List<string> addresses = [];
            foreach (var denoiser in tier.Denoisers)
                addresses.Add(await tier.ServeAsync(denoiser));
            tier.Orchestrator = await ServiceProcess.StartAsync("FluxGrpc.Orchestrator",
                "--address", "http://127.0.0.1:0", "--log-level", "Warning",
                "--max-generations", maxGenerations.ToString(CultureInfo.InvariantCulture),
                "--text-encoder", await tier.ServeAsync(new SimulatedTextEncoder()), "--vae", await tier.ServeAsync(new SimulatedVae()),
                "--denoiser", string.Join(',', addresses));
            await tier.Orchestrator.WaitUntilServingAsync();
            return tier;
        }
        catch
        {
            await tier.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Orchestrator is { } orchestrator)
            await orchestrator.DisposeAsync();
        await Task.WhenAll(_services.Select(service => service.DisposeAsync().AsTask()));
    }

    private async Task<string> ServeAsync<TService>(TService simulation)
        where TService : class
    {
        var options = new Options { Address = "http://127.0.0.1:0", LogLevel = LogLevel.None, ShutdownSeconds = 1 };
        var builder = ServiceHost.CreateBuilder(options);
        builder.Services.AddSingleton(simulation);
        var service = builder.Build().MapServices<TService>();
        _services.Add(service);
        service.Services.GetRequiredService<HealthServiceImpl>().SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
        await service.StartAsync();
        return service.ListeningAddress(options);
    }

    private sealed class Options : ServiceOptions;
}
