using FluxGrpc.Hosting;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>A real server on a Unix socket around a scripted service.</summary>
internal sealed class ScriptedService<TService> : IAsyncDisposable
    where TService : class
{
    private WebApplication? _app;

    public ScriptedService(string folder, TService script, string? name = null)
    {
        Script = script;
        Address = $"unix:{Path.Combine(folder, name ?? typeof(TService).Name)}";
    }

    public TService Script { get; }

    public string Address { get; }

    public async Task StartAsync()
    {
        var builder = ServiceHost.CreateBuilder(new Options { Address = Address, LogLevel = LogLevel.None, ShutdownSeconds = 3600 });
        builder.Services.AddSingleton(Script);
        _app = builder.Build().MapServices<TService>();
        SetServing(true);
        await _app.StartAsync();
    }

    public void SetServing(bool serving) => _app!.Services.GetRequiredService<HealthServiceImpl>().SetStatus(
        "", serving ? HealthCheckResponse.Types.ServingStatus.Serving : HealthCheckResponse.Types.ServingStatus.NotServing);

    public async Task StopAsync()
    {
        if (_app is { } app)
        {
            // Calls in flight may take an hour to end; the orchestrator's watch must not be one of them.
            await app.StopAsync().WaitAsync(ScriptedTier.Patience);
            await app.DisposeAsync();
        }

        _app = null;
    }

    /// <summary>Ends at once, as a killed process does: connections break in the middle of their calls.</summary>
    public async Task KillAsync()
    {
        if (_app is { } app)
        {
            await app.StopAsync(new CancellationToken(canceled: true));
            await app.DisposeAsync();
        }

        _app = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private sealed class Options : ServiceOptions;
}
