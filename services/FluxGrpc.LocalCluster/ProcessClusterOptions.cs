namespace FluxGrpc.LocalCluster;

/// <summary>What a <see cref="ProcessCluster"/> is made of.</summary>
public sealed record ProcessClusterOptions
{
    /// <summary>Hugging Face folder with the checkpoint.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Number of denoisers, 1 to 64.</summary>
    public int Denoisers { get; init; } = 1;

    /// <summary>
    /// Devices: "cpu", "cuda:0", ... Denoiser i gets number i, starting over where there are more denoisers; the text encoder
    /// and the VAE get the last one, which is the least loaded where there are more devices than denoisers.
    /// </summary>
    public IReadOnlyList<string> Devices { get; init; } = ["cpu"];

    /// <summary>Type of the matrix products: "auto", "float32", "bfloat16".</summary>
    public string Dtype { get; init; } = "auto";

    /// <summary>How they compute: "auto", "plain", "fused" or "onednn".</summary>
    public string Kernels { get; init; } = "auto";

    /// <summary>What linear layers hold their weights in: "stored", "compute", "float8" or, denoisers' alone, "int8".</summary>
    public string WeightDtype { get; init; } = "stored";

    /// <summary>Where the orchestrator listens; port 0 takes a free one.</summary>
    public string Address { get; init; } = "http://localhost:0";

    /// <summary>Where the orchestrator serves the web page; port 0 takes a free one.</summary>
    public string WebAddress { get; init; } = "http://localhost:0";

    /// <summary>File of the callers' API keys; empty asks for none.</summary>
    public string ApiKeys { get; init; } = "";

    /// <summary>A key of that file, with which the cluster itself asks the orchestrator.</summary>
    public string OwnApiKey { get; init; } = "";

    /// <summary>PEM file with the orchestrator's certificate, for https addresses.</summary>
    public string TlsCertificate { get; init; } = "";

    /// <summary>PEM file with the private key of <see cref="TlsCertificate"/>.</summary>
    public string TlsKey { get; init; } = "";

    /// <summary>Takes the lines that the services write, each after its service's name; called by several threads.</summary>
    public Action<string> Log { get; init; } = _ => { };
}
