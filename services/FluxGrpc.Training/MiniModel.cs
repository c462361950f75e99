using FluxGrpc.Denoiser.Model;
using FluxGrpc.Scenes;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Vae.Model;

namespace FluxGrpc.Training;

/// <summary>Sizes of the mini checkpoint: FLUX.1's architecture with about six million parameters, 12 MB in bfloat16.</summary>
internal static class MiniModel
{
    /// <summary>Width of the text encoders.</summary>
    public const int TextWidth = 128;

    /// <summary>T5 tokens of a prompt; the longest caption has fewer.</summary>
    public const int TextTokens = 24;

    /// <summary>Side of the square picture that is trained most.</summary>
    public const int SampleSize = 128;

    /// <summary>Pixels of a picture along each side of an image token.</summary>
    public const int PixelsPerToken = 16;

    /// <summary>Image tokens in each thread's batch: sixteen pictures of the size trained most.</summary>
    public const int TokensPerBatch = 16 * 64;

    /// <summary>Sizes of the pictures in training and how often each comes, in percent; all are multiples of 16.</summary>
    public static IReadOnlyList<(int Width, int Height, int Percent)> PictureSizes { get; } =
        [(128, 128, 76), (192, 128, 8), (128, 192, 8), (160, 160, 8)];

    /// <summary>Figures of the pictures in training: a star, whose points are the finest of all, comes three times as often.</summary>
    public static IReadOnlyList<Figure> Figures { get; } = [.. Enum.GetValues<Figure>(), Figure.Star, Figure.Star];

    /// <summary>The autoencoder, before its latents' scale and shift are measured.</summary>
    public static AutoEncoderConfig AutoEncoder { get; } = new()
    {
        LevelChannels = [16, 32, 64, 64],
        BlocksPerLevel = 2,
        LatentChannels = 16,
        NormGroups = 8,
        ScalingFactor = 1,
        ShiftFactor = 0,
        SampleSize = SampleSize,
    };

    /// <summary>The transformer.</summary>
    public static TransformerConfig Transformer { get; } = new()
    {
        InChannels = 64,
        OutChannels = 64,
        PooledSize = TextWidth,
        ContextSize = TextWidth,
        HiddenSize = 160,
        MlpSize = 640,
        HeadCount = 5,
        DoubleBlockCount = 2,
        SingleBlockCount = 4,
        AxesSizes = [8, 12, 12],
        TakesGuidance = true,
    };

    /// <summary>The T5 encoder for a vocabulary.</summary>
    public static T5Config T5(int vocabularySize) => new()
    {
        VocabularySize = vocabularySize,
        HiddenSize = TextWidth,
        HeadSize = 32,
        HeadCount = 4,
        FeedForwardSize = 256,
        LayerCount = 3,
        RelativeBucketCount = 32,
    };

    /// <summary>The CLIP text model for a vocabulary.</summary>
    public static ClipConfig Clip(int vocabularySize, int endTokenId) => new()
    {
        VocabularySize = vocabularySize,
        HiddenSize = TextWidth,
        HeadCount = 4,
        MlpSize = 512,
        LayerCount = 2,
        PositionCount = 77,
        EndTokenId = endTokenId,
    };
}
