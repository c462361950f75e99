using FluxGrpc.Checkpoints;

namespace FluxGrpc.Vae.Model;

/// <summary>
/// The best linear guess of a picture's colors from its latents: of the 8×8 pixels under a latent, rgb = Σ z[c]·Factors[c] + Bias, in
/// [-1, 1]. Good enough for a preview, at next to no cost.
/// </summary>
/// <param name="Factors">Red, green and blue of each latent channel: [Z, 3], for latents as the denoiser has them, scaled.</param>
/// <param name="Bias">Red, green and blue of latents of zero.</param>
public sealed record LatentColors(IReadOnlyList<IReadOnlyList<double>> Factors, IReadOnlyList<double> Bias)
{
    private const string FactorsKey = "latent_rgb_factors";
    private const string BiasKey = "latent_rgb_factors_bias";

    /// <summary>Those of FLUX.1's autoencoder, as ComfyUI's <c>latent_formats.Flux</c> has them.</summary>
    public static LatentColors Flux { get; } = new(
        [
            [-0.0346, 0.0244, 0.0681], [0.0034, 0.0210, 0.0687], [0.0275, -0.0668, -0.0433], [-0.0174, 0.0160, 0.0617],
            [0.0859, 0.0721, 0.0329], [0.0004, 0.0383, 0.0115], [0.0405, 0.0861, 0.0915], [-0.0236, -0.0185, -0.0259],
            [-0.0245, 0.0250, 0.1180], [0.1008, 0.0755, -0.0421], [-0.0515, 0.0201, 0.0011], [0.0428, -0.0012, -0.0036],
            [0.0817, 0.0765, 0.0749], [-0.1264, -0.0522, -0.1103], [-0.0280, -0.0881, -0.0499], [-0.1262, -0.0982, -0.0778],
        ],
        [-0.0329, -0.0718, -0.0851]);

    /// <summary>Reads them from a checkpoint's <c>config.json</c>.</summary>
    /// <param name="config">The file.</param>
    /// <param name="latentChannels">Channels Z that there must be.</param>
    /// <returns>Null where the file does not have them.</returns>
    /// <exception cref="InvalidDataException">They do not fit.</exception>
    public static LatentColors? TryRead(ComponentConfig config, long latentChannels)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (factors, bias) = (config.TryGetRows(FactorsKey), config.TryGetDoubles(BiasKey));
        if (factors is null && bias is null)
            return null;
        return factors?.Count == latentChannels && factors[0].Count == AutoEncoderConfig.ImageChannels
            && bias?.Count == AutoEncoderConfig.ImageChannels
            ? new LatentColors(factors, bias)
            : throw new InvalidDataException($"config.json: {FactorsKey} must have {latentChannels} rows of "
                + $"{AutoEncoderConfig.ImageChannels} numbers, {BiasKey} {AutoEncoderConfig.ImageChannels} numbers");
    }
}
