using System.Globalization;
using FluxGrpc.Checkpoints;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Sizes of a CLIP text model; in comments the keys of its <c>config.json</c>.</summary>
public sealed record ClipConfig
{
    private const string Embeddings = "text_model.embeddings.";
    private const int UsualHeadSize = 64;

    // OpenAI's models were published with this end token in their config.json; their vocabulary has another.
    private const int LegacyEndTokenId = 2;

    /// <summary>Entries of the vocabulary: <c>vocab_size</c>.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width P of the hidden states: <c>hidden_size</c>.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Attention heads H: <c>num_attention_heads</c>, or one for each 64 of P.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Width F of the MLP: <c>intermediate_size</c>.</summary>
    public required int MlpSize { get; init; }

    /// <summary>Blocks: <c>num_hidden_layers</c>.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Longest sequence, 77 or, in Long-CLIP, 248: <c>max_position_embeddings</c>.</summary>
    public required int PositionCount { get; init; }

    /// <summary>Id at whose first occurrence the pooled vector is taken: <c>eos_token_id</c>, or the vocabulary's last.</summary>
    public required int EndTokenId { get; init; }

    /// <summary>Added to the variance: <c>layer_norm_eps</c>.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-5;

    /// <summary>Reads the sizes from the tensors' shapes, and what shapes do not tell from <c>config.json</c>.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, or the two contradict each other; the message names both.</exception>
    public static ClipConfig Read(Checkpoint checkpoint)
    {
        var tokens = checkpoint.ShapeOf($"{Embeddings}token_embedding.weight", rank: 2);
        var positions = checkpoint.ShapeOf($"{Embeddings}position_embedding.weight", rank: 2);
        var mlp = checkpoint.ShapeOf("text_model.encoder.layers.0.mlp.fc1.weight", rank: 2);
        var file = checkpoint.Config;
        var hiddenSize = checked((int)tokens[1]);
        var vocabularySize = checked((int)tokens[0]);
        var config = new ClipConfig
        {
            VocabularySize = vocabularySize,
            HiddenSize = hiddenSize,
            HeadCount = file.TryGetInt("num_attention_heads") ?? Math.Max(1, hiddenSize / UsualHeadSize),
            MlpSize = checked((int)mlp[0]),
            LayerCount = checkpoint.CountBlocks("text_model.encoder.layers."),
            PositionCount = checked((int)positions[0]),
            EndTokenId = ReadEndToken(file, vocabularySize),
            LayerNormEpsilon = file.TryGetDouble("layer_norm_eps") ?? 1e-5,
        };
        config.CheckAgainst(file);
        return config;
    }

    private static int ReadEndToken(ComponentConfig file, int vocabularySize)
    {
        var stated = file.TryGetInt("eos_token_id");
        return stated is null or LegacyEndTokenId || stated < 0 || stated >= vocabularySize ? vocabularySize - 1 : stated.Value;
    }

    private void CheckAgainst(ComponentConfig file)
    {
        file.MustAgree("vocab_size", VocabularySize);
        file.MustAgree("hidden_size", HiddenSize);
        file.MustAgree("intermediate_size", MlpSize);
        file.MustAgree("num_hidden_layers", LayerCount);
        file.MustAgree("max_position_embeddings", PositionCount);
        if (file.TryGetString("hidden_act") is { } activation and not "quick_gelu")
            throw new InvalidDataException($"config.json says hidden_act = {activation}; CLIP ViT-L/14 has quick_gelu");
        if (HeadCount < 1 || HiddenSize % HeadCount != 0)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"{HeadCount} heads (config.json: num_attention_heads, or one for each 64) do not divide "
                + $"the hidden size {HiddenSize} of the tensors"));
        }
    }
}
