namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>How latents follow the velocity.</summary>
public enum SamplerKind
{
    /// <summary>Along the velocity at the step's beginning: what the reference does.</summary>
    Euler,

    /// <summary>Along the mean of the velocities at the step's beginning and end: two evaluations a step, but for the last.</summary>
    Heun,

    /// <summary>Along the predicted clean latents, extrapolated from the last two steps: DPM-Solver++(2M) (Lu et al. 2022).</summary>
    DpmSolver2M,
}
