using System.Globalization;
using System.Runtime.InteropServices;

namespace FluxGrpc.LocalCluster;

/// <summary>
/// The four services as child processes of this one. The text encoder, the VAE and the denoisers listen on Unix domain sockets
/// in a private folder, the orchestrator on TCP. However this process ends, its children end too.
/// </summary>
public sealed class ProcessCluster : IAsyncDisposable
{
    /// <summary>Largest number of denoisers.</summary>
    public const int MaxDenoisers = 64;

    private readonly SocketFolder _folder = new();
    private readonly List<ServiceProcess> _services = [];

    private ProcessCluster()
    {
    }

    /// <summary>The orchestrator's address, with the port that was free.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Name and process id of every service.</summary>
    public IReadOnlyList<(string Name, int ProcessId)> Processes => [.. _services.Select(service => (service.Name, service.Id))];

    /// <summary>Starts the services and waits until all of them serve.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="IOException">A service ended; the message has its last lines.</exception>
    public static async Task<ProcessCluster> StartAsync(ProcessClusterOptions options, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Denoisers, 1, "Denoisers");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Denoisers, MaxDenoisers, "Denoisers");
        if (options.Devices.Count == 0)
            throw new ArgumentException("Devices is empty; allowed: one or more", nameof(options));

        var cluster = new ProcessCluster();
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

    /// <summary>Completes when a service has ended by itself, with what it was: "denoiser-1 ended with exit code 137".</summary>
    public async Task<string> WaitForFailureAsync(CancellationToken cancellation)
    {
        var ended = await Task.WhenAny(_services.Select(service => service.Exited)).WaitAsync(cancellation);
        var service = _services.First(service => service.Exited == ended);
        return $"{service.Name} ended with exit code {await ended}";
    }

    /// <summary>Ends the services, the orchestrator first, and deletes the sockets.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var service in Enumerable.Reverse(_services).Take(1))
            await service.DisposeAsync();
        await Task.WhenAll(_services.SkipLast(1).Select(service => service.DisposeAsync().AsTask()));
        _folder.Dispose();
    }

    private async Task StartServicesAsync(ProcessClusterOptions options, CancellationToken cancellation)
    {
        string[] ModelArguments(string address, string device) =>
            ["--address", address, "--checkpoint", options.Checkpoint, "--device", device, "--dtype", options.Dtype];

        var textEncoder = Start(options, "text-encoder", "FluxGrpc.TextEncoder",
            ModelArguments(_folder.AddressOf("text-encoder"), options.Devices[^1]));
        var vae = Start(options, "vae", "FluxGrpc.Vae", ModelArguments(_folder.AddressOf("vae"), options.Devices[^1]));
        List<ServiceProcess> denoisers = [];
        for (var i = 0; i < options.Denoisers; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"denoiser-{i + 1}");
            var device = options.Devices[i % options.Devices.Count];
            denoisers.Add(Start(options, name, "FluxGrpc.Denoiser", ModelArguments(_folder.AddressOf(name), device)));
        }

        ServiceProcess[] models = [textEncoder, vae, .. denoisers];
        Task<string>[] waits = [.. models.Select(service => service.WaitUntilServingAsync(cancellation))];
        await foreach (var wait in Task.WhenEach(waits))
            await wait; // The first failure ends the start; the others may load for minutes yet.
        string[] addresses = [.. waits.Select(wait => wait.Result)];
        var orchestrator = Start(options, "orchestrator", "FluxGrpc.Orchestrator",
        [
            "--address", options.Address, "--text-encoder", addresses[0], "--vae", addresses[1],
            "--denoiser", string.Join(',', addresses.Skip(2)),
        ]);
        Address = await orchestrator.WaitUntilServingAsync(cancellation, ModelFit.CheckAsync);
    }

    private ServiceProcess Start(ProcessClusterOptions options, string name, string project, string[] arguments)
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, $"{project}.dll");
        var service = ServiceProcess.Start(
            name, DotnetProgram(), [assembly, .. arguments, "--exit-with-parent", "true", "--shutdown-seconds", "5"], options.Log);
        _services.Add(service);
        return service;
    }

    /// <summary>The dotnet program of the runtime that runs this process: three folders above the framework's own.</summary>
    private static string DotnetProgram()
    {
        var program = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        var installed = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", program));
        return File.Exists(installed) ? installed : program;
    }
}
