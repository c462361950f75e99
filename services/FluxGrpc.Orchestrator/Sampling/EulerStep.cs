namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>Euler's step along the velocity, in float32. Reference: the loop of <c>denoise</c>.</summary>
public static class EulerStep
{
    /// <summary>latents ← latents + (next − timestep) · velocity, in place.</summary>
    /// <param name="latents">Packed latents [N, 64].</param>
    /// <param name="velocity">Velocity [N, 64] at <paramref name="timestep"/>.</param>
    /// <param name="timestep">t of the latents.</param>
    /// <param name="next">t to go to.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(Span<float> latents, ReadOnlySpan<float> velocity, float timestep, float next)
    {
        if (velocity.Length != latents.Length)
            throw new ArgumentException($"{velocity.Length} velocities for {latents.Length} latents", nameof(velocity));
        var distance = (float)((double)next - timestep); // The reference subtracts in double precision.
        for (var i = 0; i < latents.Length; i++)
            latents[i] += distance * velocity[i];
    }
}
