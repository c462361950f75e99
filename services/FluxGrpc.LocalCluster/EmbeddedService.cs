using FluxGrpc.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.LocalCluster;

/// <summary>A service that runs inside this process and is spoken to over gRPC as any other.</summary>
public sealed class EmbeddedService : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EmbeddedService(WebApplication app, string address)
    {
        _app = app;
        Address = address;
    }

    /// <summary>Where it listens.</summary>
    public string Address { get; }

    /// <summary>Starts a service and waits until its model is loaded and warm.</summary>
    /// <param name="options">Where it listens and what it serves.</param>
    /// <param name="build">The service's own <c>Build</c>.</param>
    /// <param name="cancellation">Gives up; the service is then stopped.</param>
    /// <exception cref="InvalidDataException">The checkpoint cannot be read, or does not fit.</exception>
    /// <exception cref="ArgumentException">An option that the service cannot serve.</exception>
    public static async Task<EmbeddedService> StartAsync<TOptions>(
        TOptions options, Func<TOptions, WebApplication> build, CancellationToken cancellation = default)
        where TOptions : ServiceOptions
    {
        var service = await LaunchAsync(options, build, cancellation);
        try
        {
            await service.WaitUntilServingAsync(cancellation);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a service; it listens afterwards, but may not serve yet.</summary>
    internal static async Task<EmbeddedService> LaunchAsync<TOptions>(
        TOptions options, Func<TOptions, WebApplication> build, CancellationToken cancellation)
        where TOptions : ServiceOptions
    {
        var app = build(options);
        try
        {
            await app.StartAsync(cancellation);
            return new EmbeddedService(app, app.ListeningAddress(options));
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks the service, which has been started, about itself.</summary>
    internal T Describe<T>(Func<WebApplication, T> question) => question(_app);

    /// <summary>Waits until the model is loaded and the health says so.</summary>
    internal async Task WaitUntilServingAsync(CancellationToken cancellation)
    {
        await Task.WhenAll(_app.Services.GetServices<IModelReadiness>().Select(model => model.Ready)).WaitAsync(cancellation);
        await HealthWatch.WaitUntilServingAsync(Address, cancellation);
    }

    /// <summary>Stops the service and frees its model.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
