using FluxGrpc.Denoiser;
using FluxGrpc.GoldenTests.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Orchestrator;

/// <summary>trajectory.safetensors from the noise to the pixels: the loop over the real denoiser and VAE, over gRPC.</summary>
public sealed class TrajectoryOverGrpcTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const double PredictionBound = 8e-5;
    private const double LatentBound = 7e-5;
    private const ulong Seed = 1501;

    private static readonly PatchGrid _grid = PatchGrid.OfPixels(160, 96);
    private readonly TemporaryCheckpoint _transformer = new("transformer_dev", "transformer_dev.safetensors");
    private readonly TemporaryFolder _sockets = new();
    private readonly GoldenFile _golden = GoldenFolder.Open("trajectory.safetensors");
    private readonly List<WebApplication> _apps = [];
    private ModelTier _tier = null!;

    public async Task InitializeAsync()
    {
        var denoiser = new DenoiserOptions
        {
            Address = $"unix:{_sockets.PathOf("denoiser")}",
            Checkpoint = _transformer.Path,
            Dtype = "float32",
            LogLevel = LogLevel.Error,
        };
        var vae = new VaeOptions
        {
            Address = $"unix:{_sockets.PathOf("vae")}",
            Checkpoint = GoldenFolder.PathOf("vae.safetensors"),
            Dtype = "float32",
            LogLevel = LogLevel.Error,
        };
        _apps.AddRange([DenoiserServer.Build(denoiser), VaeServer.Build(vae)]);
        foreach (var app in _apps)
        {
            await app.StartAsync();
            await app.Services.GetRequiredService<IModelReadiness>().Ready;
        }

        var options = new OrchestratorOptions { Denoiser = denoiser.Address, Vae = vae.Address };
        _tier = new ModelTier(options, TimeProvider.System, NullLogger<ModelTier>.Instance);
        await _tier.StartAsync();
        while (_tier.Denoisers.Replicas.Model is null || _tier.Vaes.Replicas.Model is null)
            await _tier.WaitForNewsAsync(CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await _tier.DisposeAsync();
        foreach (var app in _apps)
            await app.DisposeAsync();
        _golden.Dispose();
        _sockets.Dispose();
        _transformer.Dispose();
    }

    [Fact]
    public async Task A_prompts_conditioning_and_a_seed_give_the_references_pixels()
    {
        var image = Start(Seed);
        await foreach (var step in RunAsync(image, guidance: 3.5f))
            Check($"pred.{step.Index}", TensorMessage.ToFloats(step.Result.Velocity), PredictionBound);
        Check("final_packed", TensorMessage.ToFloats(image.LatentsMessage()), LatentBound);

        var pixels = await new ImageDecoder(_tier).DecodeAsync(image, _tier.Vaes.Replicas.Model!.Fingerprint, default);
        Check("rgb_u8", [.. pixels.Data.Select(value => (float)value)], bound: 1);
    }

    [Theory]
    [InlineData(Seed + 1, 3.5f)]
    [InlineData(Seed, 4.0f)]
    public async Task Another_seed_or_guidance_misses_the_bound(ulong seed, float guidance)
    {
        var image = Start(seed);
        await foreach (var _ in RunAsync(image, guidance))
        {
        }

        var error = Difference.MaxAbs(TensorMessage.ToFloats(image.LatentsMessage()), _golden.Floats("final_packed"));
        Bounds.CheckMissed(output, $"seed {seed}, guidance {guidance}", error, 100 * LatentBound);
    }

    /// <summary>What take-over will do: the second half at another session gives the bytes of an undisturbed run.</summary>
    [Fact]
    public async Task A_session_that_starts_at_step_2_goes_on_as_if_nothing_had_been()
    {
        var undisturbed = Start(Seed);
        await foreach (var _ in RunAsync(undisturbed, guidance: 3.5f))
        {
        }

        var image = Start(Seed);
        await foreach (var step in RunAsync(image, guidance: 3.5f))
        {
            if (step.Index == 1)
                break;
        }

        Assert.Equal(2, image.NextStep);
        await foreach (var _ in RunAsync(image, guidance: 3.5f))
        {
        }

        Assert.Equal(undisturbed.LatentsMessage(), image.LatentsMessage());
    }

    private static DenoisingImage Start(ulong seed) =>
        DenoisingImage.FromNoise(_grid, Schedule.Shifted(4, _grid.TokenCount), latentChannels: 16, seed);

    private async IAsyncEnumerable<CompletedStep> RunAsync(DenoisingImage image, float guidance)
    {
        var opening = new OpenSession
        {
            SessionId = "golden",
            HiddenStates = Message("txt"),
            Pooled = Message("vec"),
            Grid = image.Grid.ToMessage(),
            Guidance = guidance,
            Sigmas = { image.Timesteps },
            FirstStepIndex = image.NextStep,
        };
        var client = new V1.DenoiserService.DenoiserServiceClient(_tier.Denoisers.Replicas.Replicas[0].Channel);
        using var session = await DenoiserSession.OpenAsync(client, opening, default);
        await foreach (var step in DenoiseLoop.RunAsync(image, session.PredictVelocityAsync, TimeProvider.System))
            yield return step;
        await session.CompleteAsync();
    }

    private Tensor Message(string name) => TensorMessage.FromFloats(_golden.Floats(name), [.. _golden.Shape(name)]);

    private void Check(string name, float[] actual, double bound) =>
        Bounds.Check(output, name, Difference.MaxAbs(actual, _golden.Floats(name)), bound);
}
