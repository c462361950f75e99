using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Queueing;

/// <summary>The four services with an orchestrator that runs one generation at a time and lets little work wait.</summary>
public sealed class OnePlaceFixture : IAsyncLifetime
{
    /// <summary>Steps times tokens of <see cref="LongRequest"/>: 200 steps, 256 image tokens, 24 text tokens.</summary>
    public const int LongWork = 56_000;

    /// <summary>Work that may wait: a little more than two long requests.</summary>
    public const int MaxQueuedWork = 120_000;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(120);
    private RealServices? _services;

    public RealServices Services => _services!;

    public ImageGenerationService.ImageGenerationServiceClient Orchestrator => new(Services.Orchestrator.Channel);

    public DenoiserService.DenoiserServiceClient Denoiser => new(Services.Denoiser.Channel);

    public async Task InitializeAsync() => _services = await RealServices.StartAsync(
        RealServicesFixture.Checkpoint, 8, "--max-generations", "1", "--max-queued-work", $"{MaxQueuedWork}");

    public async Task DisposeAsync()
    {
        if (_services is not null)
            await _services.DisposeAsync();
    }

    /// <summary>A request that takes a while.</summary>
    public static GenerateRequest LongRequest(ulong seed, Priority priority = Priority.Interactive) => new()
    {
        Prompt = "a blue ring",
        Width = 256,
        Height = 256,
        Steps = 200,
        MaxTokens = 24,
        Seed = seed,
        Priority = priority,
    };

    /// <summary>Reads events until one fits.</summary>
    public static async Task<GenerateResponse> UntilAsync(
        AsyncServerStreamingCall<GenerateResponse> call, Predicate<GenerateResponse> fits)
    {
        while (await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(_patience))
        {
            if (fits(call.ResponseStream.Current))
                return call.ResponseStream.Current;
        }

        throw new InvalidOperationException("The call ended without such an event");
    }

    /// <summary>Reads the events that are still to come.</summary>
    public static async Task<List<GenerateResponse>> RestAsync(AsyncServerStreamingCall<GenerateResponse> call)
    {
        var events = new List<GenerateResponse>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(_patience))
            events.Add(call.ResponseStream.Current);
        return events;
    }

    /// <summary>Asks for the status until it is as wished.</summary>
    public async Task<GetStatusResponse> UntilStatusAsync(Predicate<GetStatusResponse> isSo)
    {
        using var timeout = new CancellationTokenSource(_patience);
        while (true)
        {
            var status = await Orchestrator.GetStatusAsync(new(), cancellationToken: timeout.Token);
            if (isSo(status))
                return status;
        }
    }

    /// <summary>Waits until nothing is in hand anywhere.</summary>
    public async Task<GetLoadResponse> UntilIdleAsync()
    {
        await UntilStatusAsync(status => status.Generations == 0);
        using var timeout = new CancellationTokenSource(_patience);
        while (true)
        {
            var load = await Denoiser.GetLoadAsync(new(), cancellationToken: timeout.Token);
            if (load.Sessions == 0)
                return load;
        }
    }
}

/// <summary>Tests that share <see cref="OnePlaceFixture"/>.</summary>
[CollectionDefinition(Name)]
public sealed class OnePlaceTests : ICollectionFixture<OnePlaceFixture>
{
    public const string Name = "One place";
}
