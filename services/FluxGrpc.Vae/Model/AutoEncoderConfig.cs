using FluxGrpc.Checkpoints;
using FluxGrpc.Tensors;

namespace FluxGrpc.Vae.Model;

/// <summary>Sizes of an autoencoder.</summary>
public sealed record AutoEncoderConfig
{
    /// <summary>Channels of a picture: red, green, blue.</summary>
    public const int ImageChannels = 3;

    private const int MaxLevels = 8;
    private const int MaxChannels = 1 << 16;

    // FLUX.1's values that cannot be seen in the tensors, for checkpoints without a config.json.
    private const int DefaultNormGroups = 32;
    private const double DefaultScalingFactor = 0.3611;
    private const double DefaultShiftFactor = 0.1159;
    private const int DefaultSampleSize = 1024;

    /// <summary>Channels of each level, 0 at the picture's own resolution: 128, 256, 512, 512 in FLUX.1.</summary>
    public required IReadOnlyList<long> LevelChannels { get; init; }

    /// <summary>Residual blocks a level of the encoder has; the decoder's have one more. 2 in FLUX.1.</summary>
    public required int BlocksPerLevel { get; init; }

    /// <summary>Channels Z of the latents: 16 in FLUX.1.</summary>
    public required long LatentChannels { get; init; }

    /// <summary>Groups of every GroupNorm: 32 in FLUX.1.</summary>
    public required long NormGroups { get; init; }

    /// <summary>Factor of the latents: 0.3611 in FLUX.1.</summary>
    public required double ScalingFactor { get; init; }

    /// <summary>Offset of the latents: 0.1159 in FLUX.1.</summary>
    public required double ShiftFactor { get; init; }

    /// <summary>Side in pixels of the square picture that the model was made for: 1024 in FLUX.1.</summary>
    public required int SampleSize { get; init; }

    /// <summary>For previews; null where nobody has measured them.</summary>
    public LatentColors? LatentColors { get; init; }

    /// <summary>Pixels per latent along each side: 8 in FLUX.1.</summary>
    public int DownscaleFactor => 1 << (LevelChannels.Count - 1);

    /// <summary>What height and width are multiples of: 2×2 latents make a token of the denoiser. 16 in FLUX.1.</summary>
    public int PixelMultiple => 2 * DownscaleFactor;

    /// <summary>
    /// Reads the sizes from the tensors' shapes, and from <c>config.json</c> what they cannot tell: the norm groups, scale, shift and
    /// the picture's usual size, which are FLUX.1's where the file does not say.
    /// </summary>
    /// <exception cref="InvalidDataException">The two contradict each other, or are no autoencoder's; the message says where.</exception>
    public static AutoEncoderConfig Read(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var levels = checkpoint.CountBlocks("encoder.down.");
        RequireRange("levels (encoder.down)", levels, 1, MaxLevels);
        var config = new AutoEncoderConfig
        {
            LevelChannels = [.. Enumerable.Range(0, levels).Select(level => OutChannels(checkpoint, level))],
            BlocksPerLevel = checkpoint.CountBlocks("encoder.down.0.block."),
            LatentChannels = checkpoint.ShapeOf("decoder.conv_in.weight", rank: 4)[1],
            NormGroups = checkpoint.Config.TryGetInt("norm_num_groups") ?? DefaultNormGroups,
            ScalingFactor = checkpoint.Config.TryGetDouble("scaling_factor") ?? DefaultScalingFactor,
            ShiftFactor = checkpoint.Config.TryGetDouble("shift_factor") ?? DefaultShiftFactor,
            SampleSize = checkpoint.Config.TryGetInt("sample_size") ?? DefaultSampleSize,
        };
        config.RequirePlausible();
        config.RequireAgreement(checkpoint.Config);
        return config with
        {
            LatentColors = LatentColors.TryRead(checkpoint.Config, config.LatentChannels) ?? (config.IsFlux ? LatentColors.Flux : null),
        };
    }

    private bool IsFlux => LatentChannels == LatentColors.Flux.Factors.Count
        && ScalingFactor == DefaultScalingFactor && ShiftFactor == DefaultShiftFactor;

    private static long OutChannels(Checkpoint checkpoint, int level) =>
        checkpoint.ShapeOf($"encoder.down.{level}.block.0.conv1.weight", rank: 4)[0];

    private void RequirePlausible()
    {
        RequireRange("latent channels (decoder.conv_in)", LatentChannels, 1, MaxChannels);
        RequireRange("norm_num_groups", NormGroups, 1, MaxChannels);
        RequireRange("sample_size", SampleSize, PixelMultiple, MaxChannels);
        if (ScalingFactor <= 0)
            throw new InvalidDataException(FormattableString.Invariant($"scaling_factor is {ScalingFactor}; allowed: above 0"));

        foreach (var channels in LevelChannels)
        {
            RequireRange("channels of a level (encoder.down)", channels, 1, MaxChannels);
            if (channels % NormGroups != 0)
            {
                throw new InvalidDataException($"norm_num_groups is {NormGroups}, but the tensors have levels of "
                    + $"{Shape.Format(LevelChannels)} channels; allowed: a divisor of all of them");
            }
        }
    }

    private void RequireAgreement(ComponentConfig file)
    {
        file.MustAgree("in_channels", ImageChannels);
        file.MustAgree("out_channels", ImageChannels);
        file.MustAgree("latent_channels", LatentChannels);
        file.MustAgree("layers_per_block", BlocksPerLevel);
        if (file.TryGetInts("block_out_channels") is { } stated && !stated.Select(channels => (long)channels).SequenceEqual(LevelChannels))
        {
            throw new InvalidDataException($"config.json says block_out_channels = [{string.Join(", ", stated)}], but the tensors' "
                + $"shapes say {Shape.Format(LevelChannels)}");
        }

        foreach (var key in new[] { "use_quant_conv", "use_post_quant_conv" })
        {
            if (file.TryGetBool(key) == true)
                throw new InvalidDataException($"config.json says {key} = true; FLUX.1's autoencoder has no such convolution");
        }
    }

    private static void RequireRange(string what, long value, long least, long most)
    {
        if (value < least || value > most)
            throw new InvalidDataException($"{what}: {value}; allowed: {least} to {most}");
    }
}
