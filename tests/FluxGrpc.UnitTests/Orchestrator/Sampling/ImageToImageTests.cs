using FluxGrpc.Orchestrator.Sampling;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Sampling;

public sealed class ImageToImageTests
{
    [Theory]
    [InlineData(28, 0.6f, 17)]
    [InlineData(8, 0.6f, 5)]
    [InlineData(4, 1f, 4)]
    [InlineData(4, 0.01f, 1)]
    [InlineData(4, float.Epsilon, 1)]
    [InlineData(50, 0.5f, 25)]
    public void The_rest_has_the_references_number_of_steps(int steps, float strength, int expected)
    {
        var timesteps = Schedule.Even(steps);

        var rest = ImageToImage.Rest(timesteps, strength);

        Assert.Equal(expected, rest.Length - 1);
        Assert.Equal(timesteps[^rest.Length], rest[0]);
        Assert.Equal(0, rest[^1]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1.01f)]
    [InlineData(float.NaN)]
    public void Strengths_out_of_range_are_refused(float strength) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageToImage.Rest(Schedule.Even(4), strength));

    [Fact]
    public void A_start_lies_on_the_line_from_picture_to_noise()
    {
        float[] noise = [1, -2];

        ImageToImage.Mix(noise, [5, 2], timestep: 0.25f);

        Assert.Equal([4f, 1f], noise);
    }
}
