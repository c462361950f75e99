using FluxGrpc.GoldenTests.Denoiser;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Orchestrator;

/// <summary>variants/samplers.safetensors: the samplers over the real denoiser, over gRPC.</summary>
public sealed class SamplerGoldenTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const double Bound = 7e-5; // Reached: 2.1e-5, the error of the denoiser over six steps; MANIFEST.md recommends 3e-4.

    private static readonly PatchGrid _grid = PatchGrid.OfPixels(160, 96);
    private readonly GoldenFile _golden = GoldenFolder.Open("variants/samplers.safetensors");
    private DenoiserFixture _denoiser = null!;

    public async Task InitializeAsync() => _denoiser = await DenoiserFixture.StartAsync("transformer_dev");

    public async Task DisposeAsync()
    {
        await _denoiser.DisposeAsync();
        _golden.Dispose();
    }

    [Theory]
    [InlineData(SamplerKind.Euler, "euler")]
    [InlineData(SamplerKind.Heun, "heun")]
    [InlineData(SamplerKind.DpmSolver2M, "dpmpp_2m_flow")]
    public async Task A_sampler_ends_at_the_references_latents(SamplerKind kind, string name) =>
        Bounds.Check(output, name, Difference.MaxAbs(await RunAsync(kind), _golden.Floats($"{name}.final_latents")), Bound);

    [Theory]
    [InlineData(SamplerKind.Euler, "heun")]
    [InlineData(SamplerKind.Heun, "dpmpp_2m_flow")]
    [InlineData(SamplerKind.DpmSolver2M, "dpmpp_2m_comfy")]
    public async Task Another_sampler_misses_the_bound(SamplerKind kind, string name) => Bounds.CheckMissed(
        output, $"{kind} as {name}", Difference.MaxAbs(await RunAsync(kind), _golden.Floats($"{name}.final_latents")), 1000 * Bound);

    private async Task<float[]> RunAsync(SamplerKind kind)
    {
        var image = new DenoisingImage(_grid, _golden.Floats("sigmas"), _golden.Floats("img"), kind);
        var opening = new OpenSession
        {
            SessionId = "golden",
            HiddenStates = Messages.Slice(_golden, "txt", 0),
            Pooled = Messages.Slice(_golden, "vec", 0),
            Grid = image.Grid.ToMessage(),
            Guidance = _golden.Floats("guidance")[0],
            Sigmas = { image.Timesteps },
        };
        using var session = await DenoiserSession.OpenAsync(_denoiser.Client, opening, default);
        await foreach (var _ in DenoiseLoop.RunAsync(image, session.PredictVelocityAsync, TimeProvider.System))
        {
        }

        await session.CompleteAsync();
        var unpacked = new float[_golden.Floats("img").Length];
        LatentPacking.Unpack(TensorMessage.ToFloats(image.LatentsMessage()), _grid, unpacked);
        return unpacked;
    }
}
