namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>The timesteps t of an image, from 1 (noise) to 0 (the image). Reference: <c>get_schedule</c>.</summary>
public static class Schedule
{
    // mu is the line through (tokens, mu) = (256, 0.5) and (4096, 1.15).
    private const double SmallTokenCount = 256;
    private const double SmallShift = 0.5;
    private const double LargeTokenCount = 4096;
    private const double LargeShift = 1.15;

    /// <summary>Evenly spaced timesteps, as FLUX.1-schnell takes them.</summary>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <returns>steps + 1 timesteps.</returns>
    public static float[] Even(int steps) => Create(steps, t => t);

    /// <summary>
    /// Timesteps shifted towards noise, the more so the more tokens there are, as FLUX.1-dev takes them:
    /// t ← e^mu / (e^mu + 1/t − 1).
    /// </summary>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <param name="tokenCount">Number N of image tokens.</param>
    /// <returns>steps + 1 timesteps.</returns>
    public static float[] Shifted(int steps, int tokenCount)
    {
        var shift = Math.Exp(Mu(tokenCount));
        return Create(steps, t => shift / (shift + 1 / t - 1)); // 1 / 0 is infinity: t = 0 stays 0.
    }

    /// <summary>The shift mu for a number of image tokens.</summary>
    public static double Mu(int tokenCount) =>
        SmallShift + (LargeShift - SmallShift) * (tokenCount - SmallTokenCount) / (LargeTokenCount - SmallTokenCount);

    private static float[] Create(int steps, Func<double, double> shift)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        var timesteps = new float[steps + 1];
        for (var i = 0; i <= steps; i++)
            timesteps[i] = (float)shift((double)(steps - i) / steps);
        return timesteps;
    }
}
