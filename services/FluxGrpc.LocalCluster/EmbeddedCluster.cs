using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.TextEncoder;
using FluxGrpc.Vae;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.LocalCluster;

/// <summary>
/// The four services in this process, speaking real gRPC to one another over Unix domain sockets in a private folder. They leave
/// Ctrl-C to the program and write their log to standard error.
/// </summary>
public sealed class EmbeddedCluster : IAsyncDisposable
{
    private const int ShutdownSeconds = 5;

    private readonly SocketFolder _folder = new();
    private readonly List<EmbeddedService> _services = [];
    private readonly LogLevel _logLevel;

    private EmbeddedCluster(LogLevel logLevel) => _logLevel = logLevel;

    /// <summary>The orchestrator's address.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The web page's address; empty where there is none.</summary>
    public string WebAddress { get; private set; } = "";

    /// <summary>The denoiser's address.</summary>
    public string DenoiserAddress { get; private set; } = "";

    /// <summary>Starts the services and waits until all of them serve.</summary>
    /// <exception cref="InvalidDataException">The checkpoint cannot be read, or its parts do not fit.</exception>
    /// <exception cref="ArgumentException">The device is not there.</exception>
    public static async Task<EmbeddedCluster> StartAsync(EmbeddedClusterOptions options, CancellationToken cancellation = default)
    {
        var cluster = new EmbeddedCluster(options.LogLevel);
        try
        {
            await cluster.StartServicesAsync(options, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the services, the orchestrator first, frees their models and deletes the sockets.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var service in Enumerable.Reverse(_services))
            await service.DisposeAsync();
        _folder.Dispose();
    }

    private async Task StartServicesAsync(EmbeddedClusterOptions options, CancellationToken cancellation)
    {
        // Each loads on a thread of its own once it is launched.
        var textEncoder = await LaunchAsync(EmbeddedService.LaunchAsync(
            OfModel(new TextEncoderOptions
            {
                AllowVocabularyMismatch = options.AllowVocabularyMismatch,
                WeightDtype = WeightDtypes.OfTextEncoder(options.WeightDtype),
            }, "text-encoder", options),
            TextEncoderServer.Build, cancellation));
        // Which steps meet in one pass is a matter of milliseconds, and may show in the last bits.
        var denoiser = await LaunchAsync(EmbeddedService.LaunchAsync(
            OfModel(new DenoiserOptions
            {
                ReplicaId = "embedded",
                BatchInvariant = options.BatchInvariant,
                WeightDtype = options.WeightDtype,
            }, "denoiser", options),
            DenoiserServer.Build, cancellation));
        var vae = await LaunchAsync(EmbeddedService.LaunchAsync(
            OfModel(new VaeOptions(), "vae", options), VaeServer.Build, cancellation));
        await foreach (var wait in Task.WhenEach(_services.Select(service => service.WaitUntilServingAsync(cancellation))))
            await wait; // The first failure ends the start.

        var orchestrator = await LaunchAsync(EmbeddedService.LaunchAsync(
            At(new OrchestratorOptions
            {
                TextEncoder = textEncoder.Address,
                Denoiser = denoiser.Address,
                Vae = vae.Address,
                ImagesPerDenoiser = options.BatchInvariant ? 0 : OrchestratorOptions.SharedImages,
                WebAddress = options.WebAddress ?? OrchestratorOptions.NoWeb,
            }, "orchestrator"), OrchestratorServer.Build, cancellation));
        await ModelFit.CheckAsync(orchestrator.Address, cancellation);
        await orchestrator.WaitUntilServingAsync(cancellation);
        Address = orchestrator.Address;
        WebAddress = orchestrator.Describe(OrchestratorServer.WebAddressOf);
        DenoiserAddress = denoiser.Address;
    }

    private async Task<EmbeddedService> LaunchAsync(Task<EmbeddedService> launch)
    {
        var service = await launch;
        _services.Add(service);
        return service;
    }

    private TOptions OfModel<TOptions>(TOptions service, string name, EmbeddedClusterOptions options)
        where TOptions : ModelServiceOptions
    {
        service.Checkpoint = options.Checkpoint;
        service.Device = options.Device;
        service.Dtype = options.Dtype;
        service.Kernels = options.Kernels;
        return At(service, name);
    }

    private TOptions At<TOptions>(TOptions service, string name)
        where TOptions : ServiceOptions
    {
        service.Address = _folder.AddressOf(name);
        service.LogLevel = _logLevel;
        service.ShutdownSeconds = ShutdownSeconds;
        return service;
    }
}
