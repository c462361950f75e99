using CsCheck;
using FluxGrpc.Orchestrator.Sampling;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Sampling;

public sealed class ScheduleTests
{
    [Fact]
    public void Every_schedule_falls_from_1_to_0() =>
        Gen.Select(Gen.Int[1, 1000], Gen.Int[1, 16_384], Gen.Bool).Sample((steps, tokenCount, shifted) =>
        {
            var timesteps = shifted ? Schedule.Shifted(steps, tokenCount) : Schedule.Even(steps);

            Assert.Equal(steps + 1, timesteps.Length);
            Assert.Equal(1, timesteps[0]);
            Assert.Equal(0, timesteps[^1]);
            for (var i = 1; i <= steps; i++)
                Assert.True(timesteps[i] < timesteps[i - 1], $"step {i}: {timesteps[i]} after {timesteps[i - 1]}");
        });

    [Fact]
    public void More_tokens_shift_further_towards_noise()
    {
        Assert.Equal(0.5, Schedule.Mu(256), 1e-12);
        Assert.Equal(1.15, Schedule.Mu(4096), 1e-12);
        Assert.True(Schedule.Shifted(4, 4096)[2] > Schedule.Shifted(4, 256)[2]);
        Assert.True(Schedule.Shifted(4, 256)[2] > Schedule.Even(4)[2]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void There_is_no_schedule_without_steps(int steps)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule.Even(steps));
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule.Shifted(steps, 256));
    }
}
