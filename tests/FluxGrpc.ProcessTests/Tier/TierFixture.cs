using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Tier;

/// <summary>
/// An orchestrator over a text encoder, a VAE and two denoisers that are listed in a file; all on Unix sockets, so that a service
/// that was killed comes back at its old address. Tests leave all of them running and both denoisers listed.
/// </summary>
public sealed class TierFixture : IAsyncLifetime
{
    /// <summary>Step timeout of the orchestrator.</summary>
    public static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Far more than anything here takes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, ServiceProcess> _services = [];

    /// <summary>Names of the denoisers, which are their replica ids.</summary>
    public static IReadOnlyList<string> Denoisers { get; } = ["denoiser-1", "denoiser-2"];

    /// <summary>Speaks to the orchestrator.</summary>
    public ImageGenerationService.ImageGenerationServiceClient Orchestrator => new(this["orchestrator"].Channel);

    /// <summary>
    /// Several denoisers share the machine. With another number of threads some processors' matrix products round otherwise.
    /// </summary>
    public static IReadOnlyDictionary<string, string> OneThread { get; } = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" };

    /// <summary>The image of <see cref="Request"/> that nothing disturbed.</summary>
    public GeneratedImage Undisturbed { get; private set; } = new();

    /// <summary>A service by its name.</summary>
    public ServiceProcess this[string name] => _services[name];

    /// <summary>
    /// A small image of many steps: what happens at its third step must come before its end, on a fast machine too.
    /// </summary>
    public static GenerateRequest Request(int steps = 120) => new()
    {
        Prompt = "a red circle left of a blue square",
        Width = 192,
        Height = 192,
        Steps = steps,
        MaxTokens = 16,
        Seed = 1234,
    };

    /// <summary>Where a service listens.</summary>
    public string AddressOf(string name) => $"unix:{_folder.PathOf(name)}";

    public async Task InitializeAsync()
    {
        ListDenoisers(Denoisers);
        await Task.WhenAll(Denoisers.Concat(["text-encoder", "vae"]).Select(StartAsync));
        _services["orchestrator"] = await StartOrchestratorAsync($"file:{_folder.PathOf("denoisers")}");
        await UntilAsync(status => status.Components.Count == 4 && status.Components.All(item => item.Ready));
        Undisturbed = Image(await GenerateAsync(Request()));
    }

    public async Task DisposeAsync()
    {
        foreach (var service in _services.Values)
            await service.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Starts a text encoder, denoiser or VAE, and waits until it serves.</summary>
    public async Task StartAsync(string name)
    {
        var program = name switch
        {
            "text-encoder" => "FluxGrpc.TextEncoder",
            "vae" => "FluxGrpc.Vae",
            _ => "FluxGrpc.Denoiser",
        };
        // Two images may meet in one of them, and are compared byte for byte.
        string[] replica = Denoisers.Contains(name) ? ["--replica-id", name, "--batch-invariant", "true"] : [];
        var service = await ServiceProcess.StartAsync(new ProgramStart(program,
        [
            "--address", AddressOf(name), "--checkpoint", RealServicesFixture.Checkpoint, "--device", "cpu", "--dtype", "float32",
            .. replica,
        ])
        {
            Environment = OneThread,
        });
        await service.WaitUntilServingAsync();
        lock (_services)
            _services[name] = service;
    }

    /// <summary>Starts an orchestrator over these services.</summary>
    /// <param name="denoisers">Where it finds the denoisers.</param>
    public async Task<ServiceProcess> StartOrchestratorAsync(string denoisers)
    {
        var orchestrator = await ServiceProcess.StartAsync("FluxGrpc.Orchestrator",
            "--address", "http://127.0.0.1:0", "--text-encoder", AddressOf("text-encoder"), "--vae", AddressOf("vae"),
            "--denoiser", denoisers, "--step-timeout-seconds", StepTimeout.TotalSeconds.ToString("0"));
        await orchestrator.WaitUntilServingAsync();
        return orchestrator;
    }

    /// <summary>Replaces the list of denoisers.</summary>
    public void ListDenoisers(IEnumerable<string> names)
    {
        var list = _folder.PathOf("denoisers");
        File.WriteAllLines(list + ".new", names.Select(AddressOf));
        File.Move(list + ".new", list, overwrite: true);
    }

    /// <summary>Makes an image, and has something happen at its third step.</summary>
    public async Task<List<GenerateResponse>> GenerateAsync(GenerateRequest request, Func<StepCompleted, Task>? happens = null)
    {
        using var timeout = new CancellationTokenSource(Patience);
        using var call = Orchestrator.Generate(request, cancellationToken: timeout.Token);
        var events = new List<GenerateResponse>();
        await foreach (var item in call.ResponseStream.ReadAllAsync(timeout.Token))
        {
            events.Add(item);
            if (item.Step is { StepIndex: 2 } step && happens is not null)
                await happens(step);
        }

        return events;
    }

    /// <summary>Asks for the status until it is as wished.</summary>
    public async Task UntilAsync(Predicate<GetStatusResponse> isSo)
    {
        using var timeout = new CancellationTokenSource(Patience);
        while (!isSo(await Orchestrator.GetStatusAsync(new(), cancellationToken: timeout.Token)))
        {
        }
    }

    /// <summary>The one image among the events.</summary>
    public static GeneratedImage Image(IEnumerable<GenerateResponse> events) => events.Single(item => item.Image is not null).Image;
}
