using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Vae.Model;

namespace FluxGrpc.Testing;

/// <summary>FLUX.1's own sizes.</summary>
public static class FullSize
{
    /// <summary>The autoencoder.</summary>
    public static AutoEncoderConfig Vae { get; } = new()
    {
        LevelChannels = [128, 256, 512, 512],
        BlocksPerLevel = 2,
        LatentChannels = 16,
        NormGroups = 32,
        ScalingFactor = 0.3611,
        ShiftFactor = 0.1159,
        SampleSize = 1024,
    };

    /// <summary>T5 v1.1 XXL's encoder.</summary>
    public static T5Config T5 { get; } = new()
    {
        VocabularySize = 32128,
        HiddenSize = 4096,
        HeadSize = 64,
        HeadCount = 64,
        FeedForwardSize = 10240,
        LayerCount = 24,
        RelativeBucketCount = 32,
    };
}
