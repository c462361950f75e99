using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>
/// Draws what an image is going to look like from its latents, by the autoencoder's linear guess of their colors: one pixel for each
/// latent, without any network.
/// </summary>
internal sealed class LatentPreview
{
    /// <summary>Pixels of the finished picture under each of the preview's, along a side.</summary>
    public const int PixelsPerSample = PatchGrid.PixelsPerPatch / PatchGrid.PatchSide;

    private readonly float[] _factors;
    private readonly float[] _bias;

    private LatentPreview(LatentColors colors)
    {
        _factors = [.. colors.Factors];
        _bias = [.. colors.Bias];
    }

    /// <summary>The preview of an autoencoder's latents; null where it does not know its colors.</summary>
    /// <exception cref="InvalidDataException">What it says of them does not fit.</exception>
    public static LatentPreview? TryCreate(VaeServiceGetModelInfoResponse vae)
    {
        if (vae.LatentColors is not { } colors)
            return null;
        return colors.Factors.Count == vae.LatentChannels * PngWriter.Channels && colors.Bias.Count == PngWriter.Channels
            ? new LatentPreview(colors)
            : throw new InvalidDataException($"The VAE has {colors.Factors.Count} color factors and {colors.Bias.Count} biases for "
                + $"{vae.LatentChannels} latent channels");
    }

    /// <summary>Draws the picture that a step's velocity points to: x₀ = x − t·v.</summary>
    /// <param name="latents">Packed latents x [N, C].</param>
    /// <param name="velocity">Velocity v [N, C].</param>
    /// <param name="timestep">t of both.</param>
    /// <param name="grid">The image's patch grid.</param>
    /// <returns>A PNG of 2·rows × 2·columns pixels.</returns>
    public byte[] Draw(ReadOnlySpan<float> latents, ReadOnlySpan<float> velocity, float timestep, PatchGrid grid)
    {
        var clean = new float[latents.Length];
        for (var i = 0; i < clean.Length; i++)
            clean[i] = latents[i] - timestep * velocity[i];

        var (width, height) = (PatchGrid.PatchSide * grid.Columns, PatchGrid.PatchSide * grid.Rows);
        var unpacked = new float[clean.Length]; // [Z, height, width]
        LatentPacking.Unpack(clean, grid, unpacked);
        var pixels = new byte[width * height * PngWriter.Channels];
        for (var place = 0; place < width * height; place++)
            Color(unpacked.AsSpan(place), width * height, pixels.AsSpan(place * PngWriter.Channels, PngWriter.Channels));
        return PreviewPng.Encode(pixels, width, height);
    }

    /// <summary>The color of the latent whose channels lie <paramref name="stride"/> apart.</summary>
    private void Color(ReadOnlySpan<float> latent, int stride, Span<byte> rgb)
    {
        for (var color = 0; color < rgb.Length; color++)
        {
            var value = _bias[color];
            for (var channel = 0; channel * rgb.Length < _factors.Length; channel++)
                value += latent[channel * stride] * _factors[channel * rgb.Length + color];
            rgb[color] = (byte)(Math.Clamp((value + 1) / 2, 0, 1) * byte.MaxValue + 0.5f);
        }
    }
}
