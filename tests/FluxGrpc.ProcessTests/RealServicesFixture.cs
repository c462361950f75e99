using FluxGrpc.Client;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.ProcessTests;

/// <summary>The four services over TCP on the embedded checkpoint, shared by the tests that leave them as they found them.</summary>
public sealed class RealServicesFixture : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private RealServices? _services;

    /// <summary>Folder of the embedded checkpoint beside the test program.</summary>
    public static string Checkpoint { get; } = Path.Combine(AppContext.BaseDirectory, "checkpoint");

    public RealServices Services => _services!;

    public ImageGenerationService.ImageGenerationServiceClient Orchestrator => new(Services.Orchestrator.Channel);

    public DenoiserService.DenoiserServiceClient Denoiser => new(Services.Denoiser.Channel);

    /// <summary>The files that the C# client gets: what every other client has to get too.</summary>
    public async Task<IReadOnlyList<byte[]>> DrawAsync(GenerateRequest request)
    {
        await using var flux = FluxClient.Connect(Services.Orchestrator.Address);
        var files = new SortedList<int, byte[]>(); // A later image may be there before an earlier one.
        await foreach (var image in flux.GenerateImagesAsync(request))
            files.Add(image.ImageIndex, image.Data.ToByteArray());
        return files.Values.AsReadOnly();
    }

    /// <summary>Waits until the denoiser has so many sessions: that of an earlier test may just be ending.</summary>
    public async Task WaitForSessionsAsync(int sessions)
    {
        using var timeout = new CancellationTokenSource(_patience);
        while ((await Denoiser.GetLoadAsync(new(), cancellationToken: timeout.Token)).Sessions != sessions)
        {
        }
    }

    public async Task InitializeAsync() => _services = await RealServices.StartAsync(Checkpoint);

    public async Task DisposeAsync()
    {
        if (_services is not null)
            await _services.DisposeAsync();
    }
}

/// <summary>Tests that share <see cref="RealServicesFixture"/>.</summary>
[CollectionDefinition(Name)]
public sealed class RealServicesTests : ICollectionFixture<RealServicesFixture>
{
    public const string Name = "Real services";
}
