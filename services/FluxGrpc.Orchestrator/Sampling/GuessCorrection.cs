namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// Corrects latents that followed guessed velocities (first-block cache). Once a computed velocity v′ at t′ follows guesses g, the
/// velocities between it and the last computed v at t are known better, from the line through the two. A guess is the better the nearer
/// it is to v, so that each is corrected by as much of its way to t′ as it had gone: with s = (τ − t)/(t′ − t) of a guess at τ whose step
/// was d long, x ← x + Σ s·d·(v + s·(v′ − v) − g).
/// </summary>
/// <param name="length">Number of latents N·C.</param>
internal sealed class GuessCorrection(int length)
{
    private readonly float[] _velocity = new float[length]; // v.
    private readonly float[] _excess = new float[length]; // Σ (τ − t)·d·(v − g).
    private double _weight; // Σ (τ − t)²·d.
    private float? _timestep; // t; null before the first computed velocity.

    /// <summary>Takes note of a step along a guess.</summary>
    /// <param name="velocity">g [N·C].</param>
    /// <param name="timestep">τ.</param>
    /// <param name="next">Where the step goes.</param>
    public void AddGuess(ReadOnlySpan<float> velocity, float timestep, float next)
    {
        if (_timestep is not { } computedAt)
            return;
        var distance = (double)timestep - computedAt;
        var step = (double)next - timestep;
        var share = (float)(distance * step);
        for (var i = 0; i < _excess.Length; i++)
            _excess[i] += share * (_velocity[i] - velocity[i]);
        _weight += distance * distance * step;
    }

    /// <summary>Takes note of a computed velocity, and corrects the latents that it was computed at where guesses led there.</summary>
    /// <param name="latents">Latents [N·C] at <paramref name="timestep"/>; changed in place.</param>
    /// <param name="velocity">v′ [N·C].</param>
    /// <param name="timestep">t′.</param>
    public void Correct(Span<float> latents, ReadOnlySpan<float> velocity, float timestep)
    {
        if (_weight != 0 && _timestep is { } computedAt)
        {
            var distance = (double)timestep - computedAt;
            var (ofExcess, ofChange) = ((float)(1 / distance), (float)(_weight / (distance * distance)));
            for (var i = 0; i < latents.Length; i++)
                latents[i] += ofExcess * _excess[i] + ofChange * (velocity[i] - _velocity[i]);
            Array.Clear(_excess);
            _weight = 0;
        }

        velocity.CopyTo(_velocity);
        _timestep = timestep;
    }
}
