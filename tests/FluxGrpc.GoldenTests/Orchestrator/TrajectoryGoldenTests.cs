using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Orchestrator;

/// <summary>The orchestrator's share of trajectory.safetensors: the whole loop over the reference's own velocities.</summary>
public sealed class TrajectoryGoldenTests(ITestOutputHelper output) : IDisposable
{
    private const double Exact = 0;
    private const int Steps = 4;
    private const int LatentChannels = 16;
    private const ulong Seed = 1501;

    private static readonly PatchGrid _grid = PatchGrid.OfPixels(160, 96);
    private readonly GoldenFile _golden = GoldenFolder.Open("trajectory.safetensors");

    public void Dispose() => _golden.Dispose();

    [Fact]
    public void Noise_packs_to_the_references_tokens()
    {
        var image = DenoisingImage.FromNoise(_grid, Schedule.Shifted(Steps, _grid.TokenCount), LatentChannels, Seed);
        Assert.Equal(Exact, Compare("img", TensorMessage.ToFloats(image.LatentsMessage()), Exact));
    }

    [Fact]
    public void Patches_in_another_order_miss_the_bound()
    {
        var packed = new float[_grid.TokenCount * LatentChannels * LatentPacking.PatchArea];
        LatentPacking.Pack(_golden.Floats("noise"), _grid, packed);
        var channelsLast = packed.Select((_, i) =>
        {
            var (token, rest) = Math.DivRem(i, LatentChannels * LatentPacking.PatchArea);
            var (place, channel) = Math.DivRem(rest, LatentChannels);
            return packed[(token * LatentChannels + channel) * LatentPacking.PatchArea + place];
        }).ToArray();

        Assert.True(Compare("img", channelsLast, Exact) > 1);
    }

    [Fact]
    public void Timesteps_match_the_reference()
    {
        Assert.InRange(Compare("timesteps", Schedule.Shifted(Steps, _grid.TokenCount), 1.5e-7), 0, 1.5e-7);
        Assert.Equal(0.46682292, Schedule.Mu(_grid.TokenCount), 1e-8);
    }

    [Fact]
    public async Task The_loop_follows_the_reference_to_the_final_latents()
    {
        var image = Start();
        await foreach (var step in DenoiseLoop.RunAsync(image, Recorded, TimeProvider.System))
            Assert.Equal(Exact, Compare($"img.{step.Index}", TensorMessage.ToFloats(step.Latents), Exact));

        var final = TensorMessage.ToFloats(image.LatentsMessage());
        Assert.Equal(Exact, Compare("final_packed", final, Exact));

        var unpacked = new float[final.Length];
        LatentPacking.Unpack(final, _grid, unpacked);
        Assert.Equal(Exact, Compare("final_latents", unpacked, Exact));
    }

    [Fact]
    public async Task Velocities_one_step_late_miss_the_bound()
    {
        var image = Start();
        await foreach (var _ in DenoiseLoop.RunAsync(
            image, (index, t, latents) => Recorded(Math.Max(0, index - 1), t, latents, index), TimeProvider.System))
        {
        }

        Assert.True(Compare("final_packed", TensorMessage.ToFloats(image.LatentsMessage()), Exact) > 1e-2);
    }

    private DenoisingImage Start() => new(_grid, _golden.Floats("timesteps"), _golden.Floats("img"));

    private Task<StepResult> Recorded(int index, float timestep, Tensor latents) => Recorded(index, timestep, latents, index);

    private Task<StepResult> Recorded(int recorded, float timestep, Tensor latents, int index)
    {
        Assert.Equal(_golden.Floats("timesteps")[index], timestep);
        var velocity = TensorMessage.FromFloats(_golden.Floats($"pred.{recorded}"), [.. latents.Shape]);
        return Task.FromResult(new StepResult { Index = index, Velocity = velocity });
    }

    private double Compare(string name, float[] actual, double bound)
    {
        var difference = Difference.MaxAbs(actual, _golden.Floats(name));
        output.WriteLine($"{name}: {difference:E1} (bound {bound:E1})");
        return difference;
    }
}
