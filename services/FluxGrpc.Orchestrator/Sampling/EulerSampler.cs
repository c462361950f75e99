namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// x ← x + (t′ − t)·v. Reference: the loop of <c>denoise</c>. Where velocities were guessed, x is corrected first as soon as one is
/// computed again: see <see cref="GuessCorrection"/>.
/// </summary>
internal sealed class EulerSampler(float[] timesteps, float[] latents) : Sampler(timesteps, latents)
{
    private readonly GuessCorrection _correction = new(latents.Length);

    protected override bool Update(ReadOnlySpan<float> velocity, bool isGuess)
    {
        if (isGuess)
            _correction.AddGuess(velocity, Timestep, NextTimestep);
        else
            _correction.Correct(Latents, velocity, Timestep);
        EulerStep.Apply(Latents, velocity, Timestep, NextTimestep);
        return true;
    }
}
