namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// DPM-Solver++(2M) on a rectified flow (α = 1 − t, σ = t, λ = ln(α/σ)): x ← (t′/t)·x + (1 − t′/t)·D, where D is the predicted
/// clean x₀ = x − t·v, extrapolated along λ from that of the step before: D = x₀ + (x₀ − last x₀)·h/(2·last h) with h = λ′ − λ.
/// Where λ is infinite (t = 1 or t′ = 0) and in the first step D = x₀, and the step is Euler's. Reference: diffusers'
/// <c>DPMSolverMultistepScheduler</c> with <c>use_flow_sigmas</c> and <c>flow_prediction</c>.
/// </summary>
internal sealed class DpmSolver2MSampler(float[] timesteps, float[] latents) : Sampler(timesteps, latents)
{
    private readonly float[] _lastClean = new float[latents.Length];
    private double? _lastStepInLambda;

    protected override bool Update(ReadOnlySpan<float> velocity, bool isGuess)
    {
        var stepInLambda = Lambda(NextTimestep) - Lambda(Timestep);
        var lead = double.IsFinite(stepInLambda) && _lastStepInLambda is { } last ? (float)(stepInLambda / (2 * last)) : 0;
        var keep = (float)((double)NextTimestep / Timestep);
        for (var i = 0; i < Latents.Length; i++)
        {
            var clean = Latents[i] - Timestep * velocity[i];
            var target = clean + (clean - _lastClean[i]) * lead;
            Latents[i] = keep * Latents[i] + (1 - keep) * target;
            _lastClean[i] = clean;
        }

        _lastStepInLambda = double.IsFinite(stepInLambda) ? stepInLambda : null;
        return true;
    }

    private static double Lambda(double timestep) => Math.Log((1 - timestep) / timestep);
}
