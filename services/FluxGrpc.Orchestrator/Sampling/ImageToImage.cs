namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>Starts from a picture instead of from noise alone. Reference: diffusers' <c>FluxImg2ImgPipeline</c>.</summary>
public static class ImageToImage
{
    /// <summary>The part of a schedule that is left to go: from step int(steps − min(steps·strength, steps)) on.</summary>
    /// <param name="timesteps">The whole schedule, one more than steps.</param>
    /// <param name="strength">Share of the way, above 0 to 1; 1 is all of it.</param>
    /// <returns>At least two timesteps.</returns>
    public static float[] Rest(float[] timesteps, float strength)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        if (!(strength is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(strength), strength, "allowed: above 0 to 1");
        var steps = timesteps.Length - 1;
        var first = (int)(steps - Math.Min(steps * (double)strength, steps));
        return timesteps[Math.Min(first, steps - 1)..]; // A strength can be too small to make a difference to the steps.
    }

    /// <summary>x = t·noise + (1 − t)·clean, in place of the noise.</summary>
    /// <param name="noise">Packed noise [N, C]; receives x.</param>
    /// <param name="clean">Packed latents of the picture [N, C].</param>
    /// <param name="timestep">t.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Mix(Span<float> noise, ReadOnlySpan<float> clean, float timestep)
    {
        if (clean.Length != noise.Length)
            throw new ArgumentException($"{clean.Length} latents for {noise.Length} of noise", nameof(clean));
        for (var i = 0; i < noise.Length; i++)
            noise[i] = timestep * noise[i] + (1 - timestep) * clean[i];
    }
}
