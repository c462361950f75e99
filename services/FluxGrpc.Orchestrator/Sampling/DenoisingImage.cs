using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// An image between noise and its last step: all of the sampler's state. The denoiser keeps none, so whoever holds this can go on
/// with any replica.
/// </summary>
public sealed class DenoisingImage
{
    private readonly float[] _timesteps;
    private readonly float[] _latents;

    /// <param name="grid">The image's patch grid.</param>
    /// <param name="timesteps">Timesteps from first to last: one more than there are steps, at least 2.</param>
    /// <param name="latents">Packed latents [N, C] before the first step. Owned by this object from now on.</param>
    /// <exception cref="ArgumentException">The sizes contradict one another.</exception>
    public DenoisingImage(PatchGrid grid, float[] timesteps, float[] latents)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        ArgumentNullException.ThrowIfNull(latents);
        if (timesteps.Length < 2)
            throw new ArgumentException($"{timesteps.Length} timesteps; allowed: 2 or more", nameof(timesteps));
        if (grid.TokenCount < 1 || latents.Length == 0 || latents.Length % grid.TokenCount != 0)
            throw new ArgumentException($"{latents.Length} latents for {grid.TokenCount} tokens", nameof(latents));
        Grid = grid;
        _timesteps = timesteps;
        _latents = latents;
    }

    /// <summary>The image's patch grid.</summary>
    public PatchGrid Grid { get; }

    /// <summary>Number of steps in all.</summary>
    public int Steps => _timesteps.Length - 1;

    /// <summary>Index of the step to come; <see cref="Steps"/> when the image is done.</summary>
    public int NextStep { get; private set; }

    /// <summary>True after the last step.</summary>
    public bool IsDone => NextStep == Steps;

    /// <summary>The timesteps, one more than steps.</summary>
    public IReadOnlyList<float> Timesteps => _timesteps;

    /// <summary>t of the latents as they are.</summary>
    public float Timestep => _timesteps[NextStep];

    /// <summary>Channels C of a token.</summary>
    public int Channels => _latents.Length / Grid.TokenCount;

    /// <summary>Noise of a seed, packed, before the first step.</summary>
    /// <param name="grid">The image's patch grid.</param>
    /// <param name="timesteps">Timesteps from first to last.</param>
    /// <param name="latentChannels">Channels of unpacked latents (16).</param>
    /// <param name="seed">Seed of the noise.</param>
    public static DenoisingImage FromNoise(PatchGrid grid, float[] timesteps, int latentChannels, ulong seed)
    {
        var noise = new float[latentChannels * LatentPacking.PatchArea * grid.TokenCount];
        Noise.Fill(seed, noise);
        var packed = new float[noise.Length];
        LatentPacking.Pack(noise, grid, packed);
        return new DenoisingImage(grid, timesteps, packed);
    }

    /// <summary>A copy of the latents as they are: FLOAT32 [1, N, C].</summary>
    public Tensor LatentsMessage() => TensorMessage.FromFloats(_latents, 1, Grid.TokenCount, Channels);

    /// <summary>Takes the step to come by Euler's method.</summary>
    /// <param name="velocity">Velocity [N, C] at <see cref="Timestep"/>.</param>
    /// <exception cref="InvalidOperationException">The image is done.</exception>
    public void Advance(ReadOnlySpan<float> velocity)
    {
        if (IsDone)
            throw new InvalidOperationException($"All {Steps} steps are done");
        EulerStep.Apply(_latents, velocity, _timesteps[NextStep], _timesteps[NextStep + 1]);
        NextStep++;
    }
}
