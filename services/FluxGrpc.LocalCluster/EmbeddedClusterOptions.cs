using Microsoft.Extensions.Logging;

namespace FluxGrpc.LocalCluster;

/// <summary>What an <see cref="EmbeddedCluster"/> is made of.</summary>
public sealed record EmbeddedClusterOptions
{
    /// <summary>Hugging Face folder with the checkpoint.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Device of all services: "cpu", "cuda", "cuda:1".</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Type of the matrix products: "auto", "float32", "bfloat16".</summary>
    public string Dtype { get; init; } = "auto";

    /// <summary>How they compute: "auto", "plain", "fused" or "onednn".</summary>
    public string Kernels { get; init; } = "auto";

    /// <summary>What linear layers hold their weights in: "stored", "compute", "float8" or, denoisers' alone, "int8".</summary>
    public string WeightDtype { get; init; } = "stored";

    /// <summary>
    /// An image's bytes hang on its request alone: its steps share forward passes with those of others only where that does not show.
    /// False lets the images of a request share passes in any case.
    /// </summary>
    public bool BatchInvariant { get; init; } = true;

    /// <summary>Least severe log messages of the services, on standard error.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Warning;

    /// <summary>Where the web page is served: "http://127.0.0.1:5080", with port 0 for a free one; null for none.</summary>
    public string? WebAddress { get; init; }

    /// <summary>Takes tokenizers with more entries than the text encoders have embeddings, as tests' small models have.</summary>
    public bool AllowVocabularyMismatch { get; init; }
}
