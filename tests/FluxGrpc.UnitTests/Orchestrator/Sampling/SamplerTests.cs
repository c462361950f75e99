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
