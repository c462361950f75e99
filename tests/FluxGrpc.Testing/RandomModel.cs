using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Vae.Model;

namespace FluxGrpc.Testing;

/// <summary>What <see cref="RandomCheckpoint"/> is to write.</summary>
public sealed record RandomModel
{
    /// <summary>Sizes of the transformer; whether it takes guidance makes it dev's or schnell's.</summary>
    public required TransformerConfig Transformer { get; init; }

    /// <summary>Sizes of the autoencoder.</summary>
    public required AutoEncoderConfig Vae { get; init; }

    /// <summary>Sizes of T5.</summary>
    public required T5Config T5 { get; init; }

    /// <summary>Sizes of CLIP; its vocabulary has to be <see cref="RandomTokenizers.ClipVocabularySize"/>.</summary>
    public required ClipConfig Clip { get; init; }

    /// <summary>T5's longest sequence.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Type in the files: float32, bfloat16 or float16.</summary>
    public StorageType Type { get; init; } = StorageType.BFloat16;

    /// <summary>Equal seeds give equal files.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>2.5 MB in bfloat16: small enough to be committed, large enough to take every path of the code.</summary>
    public static RandomModel Mini { get; } = new()
    {
        Transformer = new TransformerConfig
        {
            InChannels = 64,
            OutChannels = 64,
            PooledSize = 64,
            ContextSize = 64,
            HiddenSize = 64,
            MlpSize = 256,
            HeadCount = 2,
            DoubleBlockCount = 2,
            SingleBlockCount = 3,
            AxesSizes = [8, 12, 12],
            TakesGuidance = true,
        },
        Vae = new AutoEncoderConfig
        {
            LevelChannels = [16, 16, 32, 32],
            BlocksPerLevel = 1,
            LatentChannels = 16,
            NormGroups = 8,
            ScalingFactor = 0.3611,
            ShiftFactor = 0.1159,
            SampleSize = 256,
        },
        T5 = new T5Config
        {
            VocabularySize = 448,
            HiddenSize = 64,
            HeadSize = 16,
            HeadCount = 4,
            FeedForwardSize = 128,
            LayerCount = 3,
            RelativeBucketCount = 32,
        },
        Clip = new ClipConfig
        {
            VocabularySize = RandomTokenizers.ClipVocabularySize,
            HiddenSize = 64,
            HeadCount = 4,
            MlpSize = 128,
            LayerCount = 2,
            PositionCount = 77,
            EndTokenId = RandomTokenizers.ClipVocabularySize - 1,
        },
        MaxTokens = 128,
    };

    /// <summary>The same without guidance: a model of schnell's kind.</summary>
    public RandomModel AsSchnell() => this with { Transformer = Transformer with { TakesGuidance = false } };

    /// <summary>Checks that the parts fit each other.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public void Validate()
    {
        Transformer.Validate();
        Check("context of the transformer and hidden size of T5", Transformer.ContextSize, T5.HiddenSize);
        Check("pooled size of the transformer and hidden size of CLIP", Transformer.PooledSize, Clip.HiddenSize);
        Check("output channels of the transformer and 4 times the latent channels", Transformer.OutChannels, 4 * Vae.LatentChannels);
        Check("vocabulary of CLIP and of its tokenizer", Clip.VocabularySize, RandomTokenizers.ClipVocabularySize);
    }

    private static void Check(string what, long one, long other)
    {
        if (one != other)
            throw new ArgumentException($"{what} must be equal, but are {one} and {other}");
    }
}
