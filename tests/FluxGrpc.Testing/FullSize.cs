using FluxGrpc.Denoiser.Model;
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

    /// <summary>CLIP ViT-L/14's text model.</summary>
    public static ClipConfig Clip { get; } = new()
    {
        VocabularySize = 49408,
        HiddenSize = 768,
        HeadCount = 12,
        MlpSize = 3072,
        LayerCount = 12,
        PositionCount = 77,
        EndTokenId = 49407,
    };

    /// <summary>A whole model of FLUX.1 dev's sizes, 34 GB in bfloat16; of CLIP's vocabulary only what its random tokenizer has.</summary>
    public static RandomModel Dev { get; } = new()
    {
        Transformer = TransformerConfig.FluxDev,
        Vae = Vae,
        T5 = T5,
        Clip = Clip with
        {
            VocabularySize = RandomTokenizers.ClipVocabularySize,
            EndTokenId = RandomTokenizers.ClipVocabularySize - 1,
        },
        MaxTokens = 512,
    };
}
