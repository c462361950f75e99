using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// An image between noise and its last step: all of the sampler's state. The denoiser keeps none, so whoever holds this can go on
/// with any replica.
/// </summary>
public sealed class DenoisingImage
{
    private readonly Sampler _sampler;

    /// <param name="grid">The image's patch grid.</param>
    /// <param name="timesteps">Timesteps from first to last: one more than there are steps, at least 2.</param>
    /// <param name="latents">Packed latents [N, C] before the first step. Owned by this object from now on.</param>
    /// <param name="sampler">How the latents follow the velocity.</param>
    /// <exception cref="ArgumentException">The sizes contradict one another.</exception>
    public DenoisingImage(PatchGrid grid, float[] timesteps, float[] latents, SamplerKind sampler = SamplerKind.Euler)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        ArgumentNullException.ThrowIfNull(latents);
        if (timesteps.Length < 2)
            throw new ArgumentException($"{timesteps.Length} timesteps; allowed: 2 or more", nameof(timesteps));
        if (grid.TokenCount < 1 || latents.Length == 0 || latents.Length % grid.TokenCount != 0)
            throw new ArgumentException($"{latents.Length} latents for {grid.TokenCount} tokens", nameof(latents));
        Grid = grid;
        _sampler = Sampler.Create(sampler, timesteps, latents);
    }

    /// <summary>The image's patch grid.</summary>
    public PatchGrid Grid { get; }

    /// <summary>Number of steps in all.</summary>
    public int Steps => _sampler.Timesteps.Count - 1;

    /// <summary>Index of the step to come; <see cref="Steps"/> when the image is done.</summary>
    public int NextStep => _sampler.NextStep;

    /// <summary>True after the last step.</summary>
    public bool IsDone => NextStep == Steps;

    /// <summary>The timesteps, one more than steps.</summary>
    public IReadOnlyList<float> Timesteps => _sampler.Timesteps;

    /// <summary>t to evaluate the velocity at; only before the last step.</summary>
    public float Timestep => _sampler.EvaluationTimestep;

    /// <summary>Channels C of a token.</summary>
    public int Channels => _sampler.Latents.Length / Grid.TokenCount;

    /// <summary>Noise of a seed, packed, before the first step.</summary>
    /// <param name="grid">The image's patch grid.</param>
    /// <param name="timesteps">Timesteps from first to last.</param>
    /// <param name="latentChannels">Channels of unpacked latents (16).</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="sampler">How the latents follow the velocity.</param>
    public static DenoisingImage FromNoise(
        PatchGrid grid, float[] timesteps, int latentChannels, ulong seed, SamplerKind sampler = SamplerKind.Euler)
    {
        var noise = new float[latentChannels * LatentPacking.PatchArea * grid.TokenCount];
        Noise.Fill(seed, noise);
        var packed = new float[noise.Length];
        LatentPacking.Pack(noise, grid, packed);
        return new DenoisingImage(grid, timesteps, packed, sampler);
    }

    /// <summary>A picture with a seed's noise over it, before the first of the steps that are left to go.</summary>
    /// <param name="grid">The image's patch grid.</param>
    /// <param name="timesteps">The timesteps that are left to go, from <see cref="ImageToImage.Rest"/>.</param>
    /// <param name="picture">Packed latents of the picture [N, C].</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="sampler">How the latents follow the velocity.</param>
    public static DenoisingImage FromPicture(
        PatchGrid grid, float[] timesteps, ReadOnlySpan<float> picture, ulong seed, SamplerKind sampler = SamplerKind.Euler)
    {
        var image = FromNoise(grid, timesteps, picture.Length / (LatentPacking.PatchArea * grid.TokenCount), seed, sampler);
        ImageToImage.Mix(image._sampler.Latents, picture, timesteps[0]);
        return image;
    }

    /// <summary>A copy of the latents to evaluate the velocity at, after the last step of the finished ones: FLOAT32 [1, N, C].</summary>
    public Tensor LatentsMessage() =>
        TensorMessage.FromFloats(IsDone ? _sampler.Latents : _sampler.EvaluationLatents, 1, Grid.TokenCount, Channels);

    /// <summary>Goes on with the velocity; a step is done when <see cref="NextStep"/> has changed.</summary>
    /// <param name="velocity">Velocity [N, C] of the latents of <see cref="LatentsMessage"/> at <see cref="Timestep"/>.</param>
    /// <param name="isGuess">True where the denoiser did not compute it whole: <see cref="StepResult.Reused"/>.</param>
    /// <exception cref="InvalidOperationException">The image is done.</exception>
    public void Advance(ReadOnlySpan<float> velocity, bool isGuess = false)
    {
        if (IsDone)
            throw new InvalidOperationException($"All {Steps} steps are done");
        _sampler.Advance(velocity, isGuess);
    }
}
