namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>x ← x + (t′ − t)·v. Reference: the loop of <c>denoise</c>.</summary>
internal sealed class EulerSampler(float[] timesteps, float[] latents) : Sampler(timesteps, latents)
{
    protected override bool Update(ReadOnlySpan<float> velocity)
    {
        EulerStep.Apply(Latents, velocity, Timestep, NextTimestep);
        return true;
    }
}
