using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>The service on the golden weights, listening on a Unix socket.</summary>
internal sealed class RunningTextEncoder : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly GrpcChannel _channel;

    private RunningTextEncoder(WebApplication app, GrpcChannel channel)
    {
        _app = app;
        _channel = channel;
        Client = new V1.TextEncoderService.TextEncoderServiceClient(channel);
    }

    /// <summary>Calls it.</summary>
    public V1.TextEncoderService.TextEncoderServiceClient Client { get; }

    /// <summary>Its bound on requests in hand.</summary>
    public RequestLimit Limit => _app.Services.GetRequiredService<RequestLimit>();

    /// <summary>Options that serve a folder in float32.</summary>
    public static TextEncoderOptions Options(TextEncoderFolder folder) => new()
    {
        Address = $"unix:{folder.PathOf("s.sock")}",
        Checkpoint = folder.Path,
        Dtype = "float32",
        LogLevel = LogLevel.None,
    };

    /// <summary>Starts it and waits until the models are there.</summary>
    public static async Task<RunningTextEncoder> StartAsync(TextEncoderOptions options)
    {
        var app = TextEncoderServer.Build(options);
        try
        {
            await app.StartAsync();
            await app.Services.GetRequiredService<IModelReadiness>().Ready;
            return new RunningTextEncoder(app, ServiceChannel.Create(ServiceAddress.Parse(options.Address)));
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
