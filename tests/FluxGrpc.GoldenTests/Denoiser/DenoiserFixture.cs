using FluxGrpc.Channels;
using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;
using DenoiserClient = FluxGrpc.V1.DenoiserService.DenoiserServiceClient;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>A real denoiser server over a Unix domain socket, on golden weights in float32.</summary>
internal sealed class DenoiserFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _sockets = Directory.CreateTempSubdirectory("flux-socket-");
    private readonly TemporaryCheckpoint _checkpoint;
    private readonly GrpcChannel _channel;

    private DenoiserFixture(TemporaryCheckpoint checkpoint, Action<DenoiserOptions> configure)
    {
        _checkpoint = checkpoint;
        var options = new DenoiserOptions
        {
            Address = $"unix:{Path.Combine(_sockets.FullName, "denoiser.sock")}",
            Checkpoint = checkpoint.Path,
            Dtype = "float32",
            MaxSessions = 2,
            LogLevel = LogLevel.Warning,
        };
        configure(options);
        App = DenoiserServer.Build(options);
        _channel = ServiceChannel.Create(ServiceAddress.Parse(options.Address));
        Client = new DenoiserClient(_channel);
    }

    public WebApplication App { get; }

    public DenoiserClient Client { get; }

    public DenoiserModel Model => App.Services.GetRequiredService<ModelSlot<DenoiserModel>>().Get();

    /// <summary>The work in hand, asked for without a call.</summary>
    public Load Load => App.Services.GetRequiredService<Replica>().Admission.Current;

    public static Task<DenoiserFixture> StartAsync(string model, Action<DenoiserOptions>? configure = null) =>
        StartAsync(new TemporaryCheckpoint(model, $"{model}.safetensors"), configure);

    /// <summary>Starts a server and waits for its model; owns the checkpoint.</summary>
    public static async Task<DenoiserFixture> StartAsync(TemporaryCheckpoint checkpoint, Action<DenoiserOptions>? configure = null)
    {
        var fixture = new DenoiserFixture(checkpoint, configure ?? (_ => { }));
        await fixture.App.StartAsync();
        try
        {
            await fixture.App.Services.GetRequiredService<ModelSlot<DenoiserModel>>().Ready;
        }
        catch
        {
            await fixture.DisposeAsync();
            throw;
        }

        return fixture;
    }

    public DenoiseCall Open(TimeSpan? patience = null) =>
        new(Client.Denoise(deadline: (TimeProvider.System.GetUtcNow() + (patience ?? TimeSpan.FromMinutes(1))).UtcDateTime));

    /// <summary>Opens a session and waits for its acceptance.</summary>
    public async Task<DenoiseCall> OpenAsync(OpenSession opening)
    {
        var call = Open();
        await call.SendAsync(opening);
        Assert.NotNull((await call.ReadAsync()).Accepted);
        return call;
    }

    /// <summary>Waits until the server says that no session is open.</summary>
    public Task WaitUntilIdleAsync() => WaitUntilAsync(load => load.Sessions == 0);

    /// <summary>Waits until the server says of its load what the test waits for.</summary>
    public async Task WaitUntilAsync(Predicate<GetLoadResponse> fits)
    {
        var deadline = TimeProvider.System.GetUtcNow().AddMinutes(1);
        while (await Client.GetLoadAsync(new GetLoadRequest()) is var load && !fits(load))
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"waited in vain: {load}");
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await App.DisposeAsync();
        _checkpoint.Dispose();
        _sockets.Delete(recursive: true);
    }
}
