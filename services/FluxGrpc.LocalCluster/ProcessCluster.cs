using System.Globalization;
using FluxGrpc.Channels;
using FluxGrpc.Cluster.V1;
using FluxGrpc.Hosting;
using FluxGrpc.LocalCluster.Control;
using FluxGrpc.LocalCluster.Processes;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.LocalCluster;

/// <summary>
/// The four services as child processes of this one. The text encoder, the VAE and the denoisers listen on Unix domain sockets
/// in a private folder, the orchestrator on TCP. One that ends by itself is started again. However this process ends, its children
/// end too. Other processes of this user find the cluster with <see cref="RunningClusters"/>.
/// </summary>
public sealed class ProcessCluster : IAsyncDisposable
{
    /// <summary>Largest number of denoisers.</summary>
    public const int MaxDenoisers = 64;

    /// <summary>Seconds that the services with short calls get to end them.</summary>
    private const int ShutdownSeconds = 5;

    private readonly ProcessClusterOptions _options;
    private readonly SocketFolder _folder;
    private readonly Supervision _supervision;
    private readonly SupervisedService _textEncoder;
    private readonly SupervisedService _vae;
    private readonly DenoiserReplicas _denoisers;
    private readonly SupervisedService _orchestrator;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<string> _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _address = "";
    private WebApplication? _control;

    private ProcessCluster(ProcessClusterOptions options)
    {
        _options = options;
        _folder = new SocketFolder(RuntimeFolder.OfThisUser(), "cluster");
        _supervision = new Supervision(options.Log, reason => _failure.TrySetResult(reason), TimeProvider.System);
        var list = new DenoiserList(Path.Combine(_folder.FullName, "denoisers"));
        _textEncoder = Model("text-encoder", "FluxGrpc.TextEncoder", options.Devices[^1], ShutdownSeconds,
            "--weight-dtype", WeightDtypes.OfTextEncoder(options.WeightDtype));
        _vae = Model("vae", "FluxGrpc.Vae", options.Devices[^1], ShutdownSeconds);
        _denoisers = new DenoiserReplicas(CreateDenoiser, list);
        _orchestrator = new SupervisedService(new ServiceCommand("orchestrator", "FluxGrpc.Orchestrator", options.Address, "",
        [
            "--text-encoder", _textEncoder.Address, "--vae", _vae.Address, "--denoiser", list.Target,
            "--shutdown-seconds", Text(ShutdownSeconds), .. SecurityArguments(options),
        ])
        {
            WebAddress = options.WebAddress,
            Security = SecurityOf(options),
        }, _supervision);
    }

    /// <summary>Name of the cluster, drawn: "cluster-5f21c9".</summary>
    public string Name => _folder.Name;

    /// <summary>The orchestrator's address, with the port that was free; empty before it has first listened.</summary>
    public string Address => _address;

    /// <summary>The web page's address, with the port that was free; empty before the orchestrator has first listened.</summary>
    public string WebAddress => _orchestrator.WebAddress;

    /// <summary>Starts the services and waits until all of them serve.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="IOException">A service ended; the message has its last lines.</exception>
    public static async Task<ProcessCluster> StartAsync(ProcessClusterOptions options, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Denoisers, 1, "Denoisers");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Denoisers, MaxDenoisers, "Denoisers");
        if (options.Devices.Count == 0)
            throw new ArgumentException("Devices is empty; allowed: one or more", nameof(options));

        var cluster = new ProcessCluster(options);
        try
        {
            var start = cluster.StartServicesAsync(cancellation);
            if (await Task.WhenAny(start, cluster._failure.Task) != start)
                throw new IOException(await cluster._failure.Task); // One served, ended, and would not start again.
            await start;
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The processes as they are now: text encoder, VAE, denoisers, orchestrator.</summary>
    public IReadOnlyList<ClusterProcess> Describe() =>
        [.. new[] { _textEncoder, _vae }.Concat(_denoisers.Services).Append(_orchestrator).Select(service => service.Describe())];

    /// <summary>Completes when a service could not be started again, with what it said last.</summary>
    public Task<string> WaitForFailureAsync(CancellationToken cancellation) => _failure.Task.WaitAsync(cancellation);

    /// <summary>
    /// Adds or removes denoisers until there are as many as asked for. Completes when the new ones serve, or the others have
    /// handed their images on and ended. Calls take turns.
    /// </summary>
    /// <param name="denoisers">1 to <see cref="MaxDenoisers"/>.</param>
    /// <param name="changed">Called, by several threads, with each denoiser that has another state.</param>
    /// <exception cref="IOException">A new one ended before it served; all new ones are removed again.</exception>
    /// <exception cref="OperationCanceledException">The cluster is stopping.</exception>
    public async Task ScaleAsync(int denoisers, Action<ClusterProcess> changed)
    {
        _options.Log(string.Create(CultureInfo.InvariantCulture, $"cluster: scaling to {denoisers} denoisers"));
        try
        {
            await _denoisers.ScaleAsync(denoisers, denoiser => changed(denoiser.Describe()), _stopping.Token);
        }
        catch (IOException exception)
        {
            _options.Log($"cluster: scaling failed: {exception.Message}");
            throw;
        }
    }

    /// <summary>Ends the services, the orchestrator first, and deletes the sockets.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_control is not null)
        {
            await _control.StopAsync();
            await _control.DisposeAsync();
        }

        await _orchestrator.DisposeAsync();
        await Task.WhenAll(
            _textEncoder.DisposeAsync().AsTask(), _vae.DisposeAsync().AsTask(), _denoisers.DisposeAsync().AsTask());
        _folder.Dispose();
        _stopping.Dispose();
    }

    private async Task StartServicesAsync(CancellationToken cancellation)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stopping.Token);
        await StartControlAsync(giveUp.Token);
        Task[] models =
        [
            _textEncoder.StartAsync(giveUp.Token), _vae.StartAsync(giveUp.Token),
            _denoisers.ScaleAsync(_options.Denoisers, _ => { }, giveUp.Token),
        ];
        try
        {
            await foreach (var start in Task.WhenEach(models))
                await start; // The first failure ends the start; the others may load for minutes yet.
        }
        catch
        {
            await giveUp.CancelAsync();
            throw;
        }

        await _orchestrator.StartAsync(
            giveUp.Token, (address, given) => ModelFit.CheckAsync(address, given, SecurityOf(_options)));
        _address = _orchestrator.Address;
    }

    private async Task StartControlAsync(CancellationToken cancellation)
    {
        var builder = ServiceHost.CreateBuilder(new ControlOptions(_folder.AddressOf(RunningClusters.ControlSocket)));
        builder.Services.AddSingleton(this);
        _control = builder.Build().MapServices<ClusterControl>();
        await _control.StartAsync(cancellation);
        _control.Services.GetRequiredService<HealthServiceImpl>().SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
    }

    private SupervisedService CreateDenoiser(int number)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"denoiser-{number + 1}");
        return Model(name, "FluxGrpc.Denoiser", _options.Devices[number % _options.Devices.Count], DenoiserReplicas.DrainSeconds,
            "--replica-id", name, "--weight-dtype", _options.WeightDtype);
    }

    private SupervisedService Model(string name, string assembly, string device, int shutdownSeconds, params string[] arguments) =>
        new(new ServiceCommand(name, assembly, _folder.AddressOf(name), device,
        [
            "--checkpoint", _options.Checkpoint, "--device", device, "--dtype", _options.Dtype, "--kernels", _options.Kernels,
            "--shutdown-seconds", Text(shutdownSeconds), .. arguments,
        ]), _supervision);

    private static IEnumerable<string> SecurityArguments(ProcessClusterOptions options) => new[]
        {
            ("--api-keys", options.ApiKeys), ("--tls-certificate", options.TlsCertificate), ("--tls-key", options.TlsKey),
        }
        .Where(argument => argument.Item2.Length > 0)
        .SelectMany(argument => new[] { argument.Item1, argument.Item2 });

    /// <summary>The cluster knows the orchestrator by the certificate that it gave it.</summary>
    private static ChannelSecurity SecurityOf(ProcessClusterOptions options) => new()
    {
        ApiKey = options.OwnApiKey,
        Itself = options.TlsKey.Length > 0
            ? PemCertificates.FollowIdentity(options.TlsCertificate, options.TlsKey, options.Log, TimeProvider.System)
            : null,
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
