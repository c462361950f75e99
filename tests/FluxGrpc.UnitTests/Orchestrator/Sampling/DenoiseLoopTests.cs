using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Sampling;

public sealed class DenoiseLoopTests
{
    private const int Channels = 4;
    private static readonly PatchGrid _grid = new(2, 3);

    [Fact]
    public void A_step_goes_along_the_velocity()
    {
        float[] latents = [1, 2, -4];

        EulerStep.Apply(latents, [2, -2, 8], timestep: 1, next: 0.75f);

        Assert.Equal([0.5f, 2.5f, -6], latents);
        Assert.Throws<ArgumentException>(() => EulerStep.Apply(new float[3], new float[2], 1, 0));
    }

    /// <summary>For v = (x - data) / t the steps meet the data whatever the schedule.</summary>
    [Fact]
    public async Task Straight_flows_end_at_the_data()
    {
        var image = Start(steps: 5);

        var steps = await RunAsync(image, (index, t, latents) =>
            Reply(index, [.. TensorMessage.ToFloats(latents).Select(x => (x - 0.25f) / t)]));

        Assert.Equal([0, 1, 2, 3, 4], steps.Select(step => step.Index));
        Assert.True(image.IsDone);
        Assert.All(TensorMessage.ToFloats(image.LatentsMessage()), x => Assert.Equal(0.25f, x, 1e-6f));
    }

    [Fact]
    public async Task A_failed_step_leaves_the_image_ready_to_go_on_elsewhere()
    {
        var undisturbed = Start(steps: 4);
        await RunAsync(undisturbed, Halve);
        var image = Start(steps: 4);

        await Assert.ThrowsAsync<IOException>(() => RunAsync(image, (index, t, latents) =>
            index == 2 ? throw new IOException("the replica is gone") : Halve(index, t, latents)));
        Assert.Equal(2, image.NextStep);
        var rest = await RunAsync(image, Halve);

        Assert.Equal([2, 3], rest.Select(step => step.Index));
        Assert.Equal(undisturbed.LatentsMessage(), image.LatentsMessage());
    }

    [Fact]
    public async Task The_latents_of_a_step_stay_what_they_were()
    {
        var image = Start(steps: 2);
        var before = image.LatentsMessage();

        var steps = await RunAsync(image, Halve);

        Assert.Equal(before, steps[0].Latents);
        Assert.NotEqual(before, image.LatentsMessage());
    }

    [Theory]
    [InlineData(float.NaN, 24, "holds NaN or infinity")]
    [InlineData(float.NegativeInfinity, 24, "holds NaN or infinity")]
    [InlineData(1, 18, "has shape [1, 6, 3], not [1, 6, 4]")]
    public async Task A_velocity_that_cannot_be_is_refused(float value, int length, string problem)
    {
        var image = Start(steps: 1);
        var velocity = length == 24
            ? TensorMessage.FromFloats([.. Enumerable.Repeat(value, 24)], 1, 6, 4)
            : TensorMessage.FromFloats([.. Enumerable.Repeat(value, 18)], 1, 6, 3);

        var exception = await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync(image, (index, _, _) =>
            Task.FromResult(new StepResult { Index = index, Velocity = velocity })));

        Assert.Contains(problem, exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, image.NextStep);
    }

    [Fact]
    public void An_image_cannot_go_beyond_its_last_step()
    {
        var image = Start(steps: 1);
        image.Advance(new float[_grid.TokenCount * Channels]);

        Assert.Throws<InvalidOperationException>(() => image.Advance(new float[_grid.TokenCount * Channels]));
        Assert.Throws<ArgumentException>(() => new DenoisingImage(_grid, [1], new float[24]));
        Assert.Throws<ArgumentException>(() => new DenoisingImage(_grid, [1, 0], new float[25]));
    }

    private static DenoisingImage Start(int steps) =>
        DenoisingImage.FromNoise(_grid, Schedule.Shifted(steps, _grid.TokenCount), latentChannels: 1, seed: 3);

    private static Task<StepResult> Halve(int index, float timestep, Tensor latents) =>
        Reply(index, [.. TensorMessage.ToFloats(latents).Select(x => x / 2 + timestep)]);

    private static Task<StepResult> Reply(int index, float[] velocity) => Task.FromResult(
        new StepResult { Index = index, Velocity = TensorMessage.FromFloats(velocity, 1, _grid.TokenCount, Channels) });

    private static async Task<List<CompletedStep>> RunAsync(DenoisingImage image, PredictVelocity predict)
    {
        var steps = new List<CompletedStep>();
        await foreach (var step in DenoiseLoop.RunAsync(image, predict, TimeProvider.System))
            steps.Add(step);
        return steps;
    }
}
