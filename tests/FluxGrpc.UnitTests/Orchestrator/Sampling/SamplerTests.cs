using FluxGrpc.Orchestrator.Sampling;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Sampling;

/// <summary>
/// The samplers on a problem of one number whose clean prediction is 0.3·x + 0.1·t; expected values by the reference implementation.
/// </summary>
public sealed class SamplerTests
{
    private static readonly float[] _timesteps = [1, 0.75f, 0.5f, 0.25f, 0];

    [Theory]
    [InlineData(SamplerKind.Euler, 4, 0.16445)]
    [InlineData(SamplerKind.Heun, 7, 0.1461502427)]
    [InlineData(SamplerKind.DpmSolver2M, 4, 0.158675)]
    public void Follows_the_reference(SamplerKind kind, int evaluations, double expected)
    {
        var sampler = Sampler.Create(kind, _timesteps, [1]);

        Assert.Equal(evaluations, Run(sampler));
        Assert.Equal(expected, sampler.Latents[0], 2e-7);
    }

    [Theory]
    [InlineData(SamplerKind.Euler)]
    [InlineData(SamplerKind.Heun)]
    [InlineData(SamplerKind.DpmSolver2M)]
    public void Is_exact_where_the_velocity_is_constant(SamplerKind kind)
    {
        var sampler = Sampler.Create(kind, [1, 0.875f, 0.5f, 0.125f, 0], [3, -1]);
        while (sampler.NextStep < 4)
            sampler.Advance([2, 0.5f]);

        Assert.Equal(1, sampler.Latents[0], 1e-6);
        Assert.Equal(-1.5, sampler.Latents[1], 1e-6);
    }

    [Fact]
    public void Evaluates_at_the_steps_end_for_heuns_correction()
    {
        var sampler = Sampler.Create(SamplerKind.Heun, [1, 0.5f, 0], [1]);

        sampler.Advance([1]);

        Assert.Equal(0, sampler.NextStep);
        Assert.Equal(0.5f, sampler.EvaluationTimestep);
        Assert.Equal([0.5f], sampler.EvaluationLatents);
        Assert.Equal([1f], sampler.Latents);
    }

    [Fact]
    public void What_guessed_velocities_did_is_corrected_by_the_next_computed_one()
    {
        var sampler = Sampler.Create(SamplerKind.Euler, _timesteps, [1]);
        sampler.Advance([1]);
        sampler.Advance([3], isGuess: true);
        sampler.Advance([5], isGuess: true);
        Assert.Equal(-1.25f, sampler.Latents[0], 1e-6f);

        sampler.Advance([4]);

        // On the line from 1 to 4 the guesses would have been 2 and 3; a third and two thirds of -0.25 * (2 - 3) and -0.25 * (3 - 5).
        Assert.Equal(-1.25f + 0.25f / 3 + 1f / 3 - 0.25f * 4, sampler.Latents[0], 1e-6f);
    }

    [Fact]
    public void Guesses_that_no_computed_velocity_came_before_or_after_stay_as_they_are()
    {
        var sampler = Sampler.Create(SamplerKind.Euler, _timesteps, [1]);

        sampler.Advance([1], isGuess: true);
        sampler.Advance([2]);
        sampler.Advance([3]);
        sampler.Advance([4], isGuess: true);

        Assert.Equal(1 - 0.25f * (1 + 2 + 3 + 4), sampler.Latents[0], 1e-6f);
    }

    [Fact]
    public void Guesses_that_go_on_along_a_line_end_nearer_to_the_computed_image_with_the_correction()
    {
        float[] timesteps = [.. Enumerable.Range(0, 13).Select(step => 1 - step / 12f)];
        var (computed, corrected) = (Sampler.Create(SamplerKind.Euler, timesteps, [1]), Sampler.Create(SamplerKind.Euler, timesteps, [1]));
        var uncorrected = Sampler.Create(SamplerKind.Euler, timesteps, [1]);
        for (var step = 0; step < 12; step++)
        {
            // Every third one is computed, as is the second; the others go on from the last two.
            var isGuess = step is not (0 or 1) && step % 3 != 0;
            var (last, before) = step < 3 ? (1, 0) : (step / 3 * 3, step < 6 ? 1 : step / 3 * 3 - 3);
            var guess = Field(last) + (Field(last) - Field(before)) * (step - last) / (last - before);
            computed.Advance([Field(step)]);
            corrected.Advance([isGuess ? guess : Field(step)], isGuess);
            uncorrected.Advance([isGuess ? guess : Field(step)]);
        }

        var (left, right) = (Math.Abs(corrected.Latents[0] - computed.Latents[0]), Math.Abs(uncorrected.Latents[0] - computed.Latents[0]));
        Assert.InRange(left, 0, 0.6f * right);

        float Field(int step) => MathF.Sin(3 * timesteps[step]);
    }

    [Theory]
    [InlineData(SamplerKind.Euler)]
    [InlineData(SamplerKind.Heun)]
    [InlineData(SamplerKind.DpmSolver2M)]
    public void Refuses_a_velocity_of_another_length(SamplerKind kind) =>
        Assert.Throws<ArgumentException>(() => Sampler.Create(kind, _timesteps, [1, 2]).Advance([1]));

    private static int Run(Sampler sampler)
    {
        var evaluations = 0;
        for (; sampler.NextStep < _timesteps.Length - 1; evaluations++)
        {
            var (x, t) = (sampler.EvaluationLatents[0], sampler.EvaluationTimestep);
            sampler.Advance([(x - (0.3f * x + 0.1f * t)) / t]);
        }

        return evaluations;
    }
}
