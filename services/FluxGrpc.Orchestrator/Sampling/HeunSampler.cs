namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// Heun's method: y = x + (t′ − t)·v, then x ← x + (t′ − t)·(v + w)/2 with w the velocity at y and t′. The step to t = 0, where
/// the velocity is not defined, is Euler's (Karras et al. 2022, algorithm 1).
/// </summary>
internal sealed class HeunSampler(float[] timesteps, float[] latents) : Sampler(timesteps, latents)
{
    private readonly float[] _firstVelocity = new float[latents.Length];
    private readonly float[] _predicted = new float[latents.Length];
    private bool _isPredicted;

    public override float[] EvaluationLatents => _isPredicted ? _predicted : Latents;

    public override float EvaluationTimestep => _isPredicted ? NextTimestep : Timestep;

    protected override bool Update(ReadOnlySpan<float> velocity, bool isGuess)
    {
        if (_isPredicted)
        {
            Correct(velocity);
            _isPredicted = false;
            return true;
        }

        if (NextTimestep == 0)
        {
            EulerStep.Apply(Latents, velocity, Timestep, NextTimestep);
            return true;
        }

        velocity.CopyTo(_firstVelocity);
        Latents.CopyTo(_predicted, 0);
        EulerStep.Apply(_predicted, velocity, Timestep, NextTimestep);
        _isPredicted = true;
        return false;
    }

    private void Correct(ReadOnlySpan<float> velocity)
    {
        var half = (float)(((double)NextTimestep - Timestep) / 2);
        for (var i = 0; i < Latents.Length; i++)
            Latents[i] += half * (_firstVelocity[i] + velocity[i]);
    }
}
