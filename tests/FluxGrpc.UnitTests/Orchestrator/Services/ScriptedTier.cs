using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.V1;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ImageGenerationClient = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>
/// The real orchestrator over scripted services, one or more of them denoisers: real gRPC over Unix sockets, faults on demand.
/// </summary>
internal sealed class ScriptedTier : IAsyncDisposable
{
    /// <summary>Far more than anything here takes: a test that hangs fails.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-");
    private WebApplication? _orchestrator;
    private GrpcChannel? _channel;

    public ScriptedTier(int denoisers = 1)
    {
        TextEncoder = new(_folder.FullName, new ScriptedTextEncoder());
        Denoisers = [.. Enumerable.Range(1, denoisers).Select(number =>
            new ScriptedService<ScriptedDenoiser>(_folder.FullName, new ScriptedDenoiser($"replica-{number}"), $"denoiser-{number}"))];
        Vae = new(_folder.FullName, new ScriptedVae());
        Options = new OrchestratorOptions
        {
            Address = $"unix:{Path.Combine(_folder.FullName, "orchestrator")}",
            TextEncoder = TextEncoder.Address,
            Denoiser = string.Join(',', Denoisers.Select(denoiser => denoiser.Address)),
            Vae = Vae.Address,
            WebAddress = OrchestratorOptions.NoWeb,
            LogLevel = LogLevel.None,
        };
    }

    public ScriptedService<ScriptedTextEncoder> TextEncoder { get; }

    public IReadOnlyList<ScriptedService<ScriptedDenoiser>> Denoisers { get; }

    public ScriptedService<ScriptedDenoiser> Denoiser => Denoisers[0];

    public ScriptedService<ScriptedVae> Vae { get; }

    public OrchestratorOptions Options { get; }

    public ImageGenerationClient Client => new(_channel);

    public Health.HealthClient Health => new(_channel);

    /// <summary>Where the web page is, where the options have an address for it.</summary>
    public Uri WebAddress => new(OrchestratorServer.WebAddressOf(_orchestrator!));

    public IModelReadiness Readiness => _orchestrator!.Services.GetRequiredService<IModelReadiness>();

    /// <summary>Starts all of them and waits until the orchestrator serves.</summary>
    public async Task StartAsync()
    {
        await Task.WhenAll([TextEncoder.StartAsync(), Vae.StartAsync(), .. Denoisers.Select(denoiser => denoiser.StartAsync())]);
        await StartOrchestratorAsync();
        await Readiness.Ready.WaitAsync(Patience);
    }

    public async Task StartOrchestratorAsync()
    {
        _orchestrator = OrchestratorServer.Build(Options);
        await _orchestrator.StartAsync();
        _channel = ServiceChannel.Create(ServiceAddress.Parse(Options.Address));
    }

    /// <summary>Asks for the status until it is as wished.</summary>
    public async Task UntilAsync(Predicate<GetStatusResponse> isSo)
    {
        using var timeout = new CancellationTokenSource(Patience);
        while (!isSo(await Client.GetStatusAsync(new(), cancellationToken: timeout.Token)))
        {
        }
    }

    /// <summary>Tells the orchestrator to stop and waits until it has.</summary>
    public async Task StopOrchestratorAsync() => await _orchestrator!.StopAsync().WaitAsync(Patience);

    /// <summary>Sends a request and collects its events.</summary>
    public async Task<List<GenerateResponse>> GenerateAsync(GenerateRequest request, CancellationToken cancellation = default)
    {
        using var call = Client.Generate(request, deadline: null, cancellationToken: cancellation);
        var events = new List<GenerateResponse>();
        while (await call.ResponseStream.MoveNext(cancellation).WaitAsync(Patience, CancellationToken.None))
            events.Add(call.ResponseStream.Current);
        return events;
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_orchestrator is not null)
            await _orchestrator.DisposeAsync();
        await TextEncoder.DisposeAsync();
        foreach (var denoiser in Denoisers)
            await denoiser.DisposeAsync();
        await Vae.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
