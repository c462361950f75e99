using System.Globalization;
using FluxGrpc.Checkpoints;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Sizes of a T5 v1.1 encoder; in comments the keys of its <c>config.json</c>.</summary>
public sealed record T5Config
{
    private const string FirstBlock = "encoder.block.0.layer.";

    /// <summary>Entries of the vocabulary: <c>vocab_size</c>.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width C of the hidden states: <c>d_model</c>.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width d of one attention head: <c>d_kv</c>. Heads times d need not be C.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Attention heads H: <c>num_heads</c>.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Width F of the feed-forward layer: <c>d_ff</c>.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Blocks: <c>num_layers</c>.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Buckets of relative positions: <c>relative_attention_num_buckets</c>.</summary>
    public required int RelativeBucketCount { get; init; }

    /// <summary>Distance beyond which positions are not told apart: <c>relative_attention_max_distance</c>.</summary>
    public int RelativeMaxDistance { get; init; } = 128;

    /// <summary>Added to the mean square: <c>layer_norm_epsilon</c>.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-6;

    /// <summary>Reads the sizes from the tensors' shapes, and what shapes do not tell from <c>config.json</c>.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, or the two contradict each other; the message names both.</exception>
    public static T5Config Read(Checkpoint checkpoint)
    {
        var embedding = checkpoint.ShapeOf("shared.weight", rank: 2);
        var query = checkpoint.ShapeOf($"{FirstBlock}0.SelfAttention.q.weight", rank: 2);
        var bias = checkpoint.ShapeOf($"{FirstBlock}0.SelfAttention.relative_attention_bias.weight", rank: 2);
        var gate = checkpoint.ShapeOf($"{FirstBlock}1.DenseReluDense.wi_0.weight", rank: 2);
        var heads = checked((int)bias[1]);
        if (query[0] % heads != 0)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"checkpoint '{checkpoint.Name}': {heads} heads (columns of relative_attention_bias) "
                + $"do not divide the {query[0]} rows of q.weight"));
        }

        var defaults = new T5Config
        {
            VocabularySize = checked((int)embedding[0]),
            HiddenSize = checked((int)embedding[1]),
            HeadSize = checked((int)query[0] / heads),
            HeadCount = heads,
            FeedForwardSize = checked((int)gate[0]),
            LayerCount = checkpoint.CountBlocks("encoder.block."),
            RelativeBucketCount = checked((int)bias[0]),
        };
        return WithFile(defaults, checkpoint.Config);
    }

    private static T5Config WithFile(T5Config sizes, ComponentConfig file)
    {
        file.MustAgree("vocab_size", sizes.VocabularySize);
        file.MustAgree("d_model", sizes.HiddenSize);
        file.MustAgree("d_kv", sizes.HeadSize);
        file.MustAgree("num_heads", sizes.HeadCount);
        file.MustAgree("d_ff", sizes.FeedForwardSize);
        file.MustAgree("num_layers", sizes.LayerCount);
        file.MustAgree("relative_attention_num_buckets", sizes.RelativeBucketCount);
        if (file.TryGetString("feed_forward_proj") is { } projection and not "gated-gelu")
            throw new InvalidDataException($"config.json says feed_forward_proj = {projection}; T5 v1.1 has gated-gelu");

        var config = sizes with
        {
            RelativeMaxDistance = file.TryGetInt("relative_attention_max_distance") ?? sizes.RelativeMaxDistance,
            LayerNormEpsilon = file.TryGetDouble("layer_norm_epsilon") ?? sizes.LayerNormEpsilon,
        };
        if (config.RelativeBucketCount % 4 != 0 || config.RelativeMaxDistance <= config.RelativeBucketCount / 4)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"{config.RelativeBucketCount} relative buckets (rows of relative_attention_bias) up to distance "
                + $"{config.RelativeMaxDistance} (config.json: relative_attention_max_distance); "
                + $"allowed: a multiple of 4, and more than a quarter of it"));
        }

        return config;
    }
}
