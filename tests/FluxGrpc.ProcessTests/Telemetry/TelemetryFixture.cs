using System.Diagnostics;
using FluxGrpc.Client;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>
/// The four services as processes that send their telemetry to a collector in the test, over gRPC, and show their metrics. Two pictures
/// of one prompt have been made, and a third request was given up in its middle.
/// </summary>
public sealed class TelemetryFixture : IAsyncLifetime
{
    /// <summary>A prompt of words that nothing else says.</summary>
    public const string Prompt = "a vermilion xylophone";

    public const string T5Prompt = "quixotic periwinkle";

    public const string NegativePrompt = "gossamer zeppelin";

    /// <summary>Id of the first picture's request.</summary>
    public const string RequestId = "first-picture";

    public const int Steps = 3;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private static readonly Dictionary<string, string> _atOnce = new()
    {
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "100",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
    };

    private readonly List<ServiceProcess> _services = [];
    private string[] _tier = [];
    private OtlpCollector? _collector;

    /// <summary>The orchestrator, the text encoder, the denoiser, the VAE.</summary>
    public IReadOnlyList<ServiceProcess> Services => _services;

    /// <summary>Id of the first picture's trace, which the caller began.</summary>
    public string TraceId { get; private set; } = "";

    internal OtlpCollector Collector => _collector!;

    private ServiceProcess Orchestrator => _services[0];

    public async Task InitializeAsync()
    {
        _collector = await OtlpCollector.StartAsync();
        string[] model = ["--checkpoint", RealServicesFixture.Checkpoint, "--device", "cpu", "--dtype", "float32"];
        var models = await Task.WhenAll(
            StartAsync("FluxGrpc.TextEncoder", model),
            StartAsync("FluxGrpc.Denoiser", [.. model, "--replica-id", "the-denoiser"]),
            StartAsync("FluxGrpc.Vae", model));
        _tier = ["--text-encoder", models[0].Address, "--denoiser", models[1].Address, "--vae", models[2].Address];
        _services.AddRange([await StartOrchestratorAsync(), .. models]);

        TraceId = await DrawAsync(Orchestrator, RequestId);
        await DrawAsync(Orchestrator, "second-picture");
        await GiveUpAsync();
    }

    /// <summary>Starts one more orchestrator over the same services.</summary>
    public async Task<ServiceProcess> StartOrchestratorAsync(params string[] options)
    {
        var orchestrator = await StartAsync("FluxGrpc.Orchestrator", [.. _tier, .. options]);
        await orchestrator.WaitUntilServingAsync();
        return orchestrator;
    }

    /// <summary>Makes a picture in a trace of its own.</summary>
    /// <returns>The trace's id.</returns>
    public static async Task<string> DrawAsync(ServiceProcess orchestrator, string requestId)
    {
        using var caller = new Activity("caller") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start();
        await using var flux = FluxClient.Connect(orchestrator.Address);
        await foreach (var image in flux.GenerateImagesAsync(Request(requestId)))
            Assert.NotEmpty(image.Data);
        return caller.TraceId.ToHexString();
    }

    /// <summary>Reads the metrics of all four.</summary>
    internal Task<Scrape> ScrapeAsync() => Scrape.ReadAsync(_services.Select(service => service.MetricsAddress));

    public async Task DisposeAsync()
    {
        foreach (var service in _services)
            await service.DisposeAsync();
        if (_collector is not null)
            await _collector.DisposeAsync();
    }

    /// <summary>The request is over when the orchestrator has counted it.</summary>
    private async Task GiveUpAsync()
    {
        var client = new ImageGenerationService.ImageGenerationServiceClient(Orchestrator.Channel);
        using (var call = client.Generate(Request("given-up")))
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.Step is null)
            {
            }
        }

        using var timeout = new CancellationTokenSource(_patience);
        while (!(await ScrapeAsync()).Text.Contains(StatusNames.Of(StatusCode.Cancelled), StringComparison.Ordinal))
            timeout.Token.ThrowIfCancellationRequested();
    }

    private Task<ServiceProcess> StartAsync(string program, IEnumerable<string> options) => ServiceProcess.StartAsync(
        new ProgramStart(program,
        [
            "--address", "http://127.0.0.1:0", "--metrics-address", "http://127.0.0.1:0", "--otlp-endpoint", Collector.Address,
            "--log-format", "json", .. options,
        ])
        {
            Environment = _atOnce,
        });

    private static GenerateRequest Request(string id) => new()
    {
        RequestId = id,
        Prompt = Prompt,
        T5Prompt = T5Prompt,
        NegativePrompt = NegativePrompt,
        TrueCfgScale = 2,
        Width = 64,
        Height = 64,
        Steps = Steps,
        Seed = 7,
    };
}

/// <summary>Tests that share <see cref="TelemetryFixture"/>.</summary>
[CollectionDefinition(Name)]
public sealed class TelemetryTests : ICollectionFixture<TelemetryFixture>
{
    public const string Name = "Telemetry";
}
