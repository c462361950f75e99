namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// Takes latents from timestep to timestep: says where to evaluate the velocity next, is told the velocity, and so on. Holds all that lies
/// between two evaluations, so that any replica of the denoiser can make the next one.
/// </summary>
/// <param name="timesteps">Timesteps t from first to last, one more than steps.</param>
/// <param name="latents">Packed latents [N, C] before the first step. Owned by this object from now on.</param>
internal abstract class Sampler(float[] timesteps, float[] latents)
{
    /// <summary>Index of the step to come.</summary>
    public int NextStep { get; private set; }

    /// <summary>The timesteps, one more than steps.</summary>
    public IReadOnlyList<float> Timesteps => timesteps;

    /// <summary>Packed latents [N, C] after the last finished step.</summary>
    public float[] Latents { get; } = latents;

    /// <summary>Latents [N, C] to evaluate the velocity at.</summary>
    public virtual float[] EvaluationLatents => Latents;

    /// <summary>Timestep to evaluate the velocity at.</summary>
    public virtual float EvaluationTimestep => Timestep;

    /// <summary>t at the beginning of the step to come.</summary>
    protected float Timestep => timesteps[NextStep];

    /// <summary>t at its end.</summary>
    protected float NextTimestep => timesteps[NextStep + 1];

    /// <summary>Makes a sampler.</summary>
    public static Sampler Create(SamplerKind kind, float[] timesteps, float[] latents) => kind switch
    {
        SamplerKind.Heun => new HeunSampler(timesteps, latents),
        SamplerKind.DpmSolver2M => new DpmSolver2MSampler(timesteps, latents),
        _ => new EulerSampler(timesteps, latents),
    };

    /// <summary>Goes on with the velocity that was evaluated.</summary>
    /// <param name="velocity">Velocity [N, C] at <see cref="EvaluationLatents"/> and <see cref="EvaluationTimestep"/>.</param>
    /// <param name="isGuess">True where the denoiser did not compute it whole: <see cref="V1.StepResult.Reused"/>.</param>
    /// <exception cref="ArgumentException">It has another length than the latents.</exception>
    public void Advance(ReadOnlySpan<float> velocity, bool isGuess = false)
    {
        if (velocity.Length != Latents.Length)
            throw new ArgumentException($"{velocity.Length} velocities for {Latents.Length} latents", nameof(velocity));
        if (Update(velocity, isGuess))
            NextStep++;
    }

    /// <summary>Changes <see cref="Latents"/> by the velocity.</summary>
    /// <returns>True where the step is done; false where it needs another evaluation.</returns>
    protected abstract bool Update(ReadOnlySpan<float> velocity, bool isGuess);
}
