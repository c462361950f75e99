using System.Collections.Concurrent;
using System.Diagnostics;
using FluxGrpc.Client;
using FluxGrpc.Denoiser;
using FluxGrpc.LocalCluster;
using FluxGrpc.Orchestrator;
using FluxGrpc.TextEncoder;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FluxGrpc.ProcessTests.LocalCluster;

/// <summary>The trace of a request that had to wait, over an orchestrator, a text encoder, two denoisers and a VAE.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    private const int Steps = 3;

    private static readonly ActivitySource _client = new("FluxGrpc.TraceTests");

    private readonly SocketFolder _folder = new();
    private readonly List<EmbeddedService> _services = [];
    private readonly ConcurrentQueue<Activity> _stopped = new();
    private readonly ActivityListener _listener;
    private string _orchestrator = "";

    public TraceTests()
    {
        _listener = new ActivityListener
        {
            // ASP.NET Core's own spans carry the trace over the calls, as they do for any collector.
            ShouldListenTo = source =>
                source.Name.StartsWith("FluxGrpc.", StringComparison.Ordinal) || source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = _stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public async Task InitializeAsync()
    {
        var textEncoder = await StartAsync(Model(new TextEncoderOptions(), "text-encoder"), TextEncoderServer.Build);
        var first = await StartAsync(Model(new DenoiserOptions { ReplicaId = "one" }, "denoiser-1"), DenoiserServer.Build);
        var second = await StartAsync(Model(new DenoiserOptions { ReplicaId = "two" }, "denoiser-2"), DenoiserServer.Build);
        var vae = await StartAsync(Model(new VaeOptions(), "vae"), VaeServer.Build);
        _orchestrator = await StartAsync(new OrchestratorOptions
        {
            Address = _folder.AddressOf("orchestrator"),
            LogLevel = LogLevel.Warning,
            TextEncoder = textEncoder,
            Denoiser = $"{first},{second}",
            Vae = vae,
            WebAddress = OrchestratorOptions.NoWeb,
            MaxGenerations = 1, // The second request waits.
        }, OrchestratorServer.Build);
    }

    [Fact]
    public async Task It_shows_the_wait_the_encoding_each_step_with_its_replica_and_the_decoding()
    {
        await using var client = FluxClient.Connect(_orchestrator);
        ActivityTraceId trace;
        List<GenerateResponse> events = [];
        await using (var holder = client.GenerateAsync(Request("a blue ring", steps: 40)).GetAsyncEnumerator())
        {
            await holder.MoveNextAsync();
            using var root = _client.StartActivity("test");
            trace = root!.TraceId;
            await foreach (var happened in client.GenerateAsync(Request("a red circle", Steps)))
            {
                events.Add(happened);
                if (happened.Queued is not null)
                    await holder.DisposeAsync(); // It waits: now the first one may go.
            }
        }

        var spans = _stopped.Where(span => span.TraceId == trace).ToList();
        var generate = Assert.Single(spans, span => span.OperationName == "generate");
        AssertWithin(generate, Assert.Single(spans, span => span.OperationName == "queued"));
        AssertWithin(generate, Assert.Single(spans, span => span.OperationName == "encode"));
        AssertWithin(generate, Assert.Single(spans, span => span.OperationName == "decode"));
        var steps = spans.Where(span => span.OperationName == "denoiser.step").OrderBy(span => span.StartTimeUtc).ToList();
        Assert.All(steps, step => AssertWithin(generate, step));
        Assert.Equal(
            events.Where(happened => happened.Step is not null).Select(happened => (happened.Step.StepIndex, happened.Step.ReplicaId)),
            steps.Select(step => ((int)step.GetTagItem("flux.step.index")!, (string)step.GetTagItem("flux.replica")!)));
        Assert.Equal(Steps, steps.Count);
        var session = await FindAsync(span => span.TraceId == trace && span.OperationName == "denoise session");
        Assert.Equal(steps[0].GetTagItem("flux.replica"), session.GetTagItem("flux.replica"));
    }

    public async Task DisposeAsync()
    {
        _listener.Dispose();
        foreach (var service in Enumerable.Reverse(_services))
            await service.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A span that ends on the other side of a call may end a little later than the call.</summary>
    private async Task<Activity> FindAsync(Predicate<Activity> fits)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (true)
        {
            if (_stopped.FirstOrDefault(span => fits(span)) is { } found)
                return found;
            await Task.Yield();
            patience.Token.ThrowIfCancellationRequested();
        }
    }

    private static void AssertWithin(Activity outer, Activity inner)
    {
        Assert.InRange(inner.StartTimeUtc, outer.StartTimeUtc, outer.StartTimeUtc + outer.Duration);
        Assert.InRange(inner.Duration, TimeSpan.Zero, outer.Duration);
    }

    private static GenerateRequest Request(string prompt, int steps) =>
        new() { Prompt = prompt, Width = 64, Height = 64, Steps = steps, Seed = 1 };

    private T Model<T>(T options, string name)
        where T : Hosting.ModelServiceOptions
    {
        (options.Address, options.LogLevel) = (_folder.AddressOf(name), LogLevel.Warning);
        (options.Checkpoint, options.Device, options.Dtype) = (EmbeddedCheckpoint.Folder, "cpu", "float32");
        return options;
    }

    private async Task<string> StartAsync<TOptions>(TOptions options, Func<TOptions, Microsoft.AspNetCore.Builder.WebApplication> build)
        where TOptions : Hosting.ServiceOptions
    {
        var service = await EmbeddedService.StartAsync(options, build);
        _services.Add(service);
        return service.Address;
    }
}
