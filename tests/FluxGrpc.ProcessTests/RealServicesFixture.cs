using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.ProcessTests;

/// <summary>The four services over TCP on the embedded checkpoint, shared by the tests that leave them as they found them.</summary>
public sealed class RealServicesFixture : IAsyncLifetime
{
    private RealServices? _services;

    /// <summary>Folder of the embedded checkpoint beside the test program.</summary>
    public static string Checkpoint { get; } = Path.Combine(AppContext.BaseDirectory, "checkpoint");

    public RealServices Services => _services!;

    public ImageGenerationService.ImageGenerationServiceClient Orchestrator => new(Services.Orchestrator.Channel);

    public DenoiserService.DenoiserServiceClient Denoiser => new(Services.Denoiser.Channel);

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
