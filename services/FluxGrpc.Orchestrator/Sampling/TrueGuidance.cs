namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>Classifier-free guidance with a negative prompt, as an addition to the distilled guidance (Ho and Salimans 2022).</summary>
public static class TrueGuidance
{
    /// <summary>v = negative + scale·(positive − negative).</summary>
    /// <param name="positive">Velocity [N, C] with the prompt.</param>
    /// <param name="negative">Velocity [N, C] with the negative prompt.</param>
    /// <param name="scale">Strength; 1 gives <paramref name="positive"/>.</param>
    /// <returns>Velocity [N, C].</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static float[] Combine(ReadOnlySpan<float> positive, ReadOnlySpan<float> negative, float scale)
    {
        if (positive.Length != negative.Length)
            throw new ArgumentException($"{negative.Length} velocities for {positive.Length}", nameof(negative));
        var guided = new float[positive.Length];
        for (var i = 0; i < guided.Length; i++)
            guided[i] = negative[i] + scale * (positive[i] - negative[i]);
        return guided;
    }
}
