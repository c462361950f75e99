namespace FluxGrpc.LocalCluster;

/// <summary>The mini checkpoint that comes with the programs: a FLUX network of small sizes in the Hugging Face folder layout.</summary>
public static class EmbeddedCheckpoint
{
    /// <summary>The checkpoint's folder, beside the program.</summary>
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "checkpoint");
}
