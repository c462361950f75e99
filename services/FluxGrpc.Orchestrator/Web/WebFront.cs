using System.Net;
using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.Hosting.Security;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// The web page and the OpenAI-compatible API, over HTTP/1.1 at an address of their own: without TLS, gRPC takes a whole port. They are
/// a gRPC client of this orchestrator as any other, so that its queue, limits and errors are theirs.
/// </summary>
internal sealed class WebFront(
    OrchestratorOptions options, IServer orchestrator, IServiceProvider services, ILoggerFactory logging, TimeProvider time)
    : IHostedLifecycleService, IAsyncDisposable
{
    private GrpcChannel? _channel;
    private WebApplication? _app;

    /// <summary>Where it listens; empty before the start, and where it is switched off.</summary>
    public string Address { get; private set; } = "";

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Begins to listen, now that the orchestrator does.</summary>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        if (options.WebAddress == OrchestratorOptions.NoWeb)
            return;

        var address = ReachableAddress();
        _channel = ServiceChannel.Create(
            address, address.IsTls ? new ChannelSecurity { Itself = services.GetRequiredService<ServerTls>().Identity } : null);
        _app = WebServer.Build(options, new V1.ImageGenerationService.ImageGenerationServiceClient(_channel), services, logging, time);
        await _app.StartAsync(cancellationToken);
        Address = ServiceEndpoint.BoundAddress(
            _app.Services.GetRequiredService<IServer>(), ServiceAddress.Parse(options.WebAddress));
    }

    /// <inheritdoc/>
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stops after the orchestrator, whose last events thus still reach the browsers.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _channel?.Dispose();
    }

    /// <summary>The orchestrator's own address, the loopback standing for "every address of this machine".</summary>
    private ServiceAddress ReachableAddress()
    {
        var bound = ServiceAddress.Parse(ServiceEndpoint.BoundAddress(orchestrator, ServiceAddress.Parse(options.Address)));
        if (bound.Endpoint is not { } endpoint || !IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out var ip))
            return bound;
        if (ip.Equals(IPAddress.Any))
            return ServiceAddress.Parse(new UriBuilder(endpoint) { Host = IPAddress.Loopback.ToString() }.Uri.ToString());
        return ip.Equals(IPAddress.IPv6Any)
            ? ServiceAddress.Parse(new UriBuilder(endpoint) { Host = $"[{IPAddress.IPv6Loopback}]" }.Uri.ToString())
            : bound;
    }
}
