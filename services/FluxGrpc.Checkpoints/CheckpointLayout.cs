namespace FluxGrpc.Checkpoints;

/// <summary>Whose names a checkpoint's tensors carry; found from the names, not from the folder.</summary>
public enum CheckpointLayout
{
    /// <summary>The names of the models' authors (transformer and autoencoder).</summary>
    Official,

    /// <summary>The names of the diffusers library: query, key and value apart.</summary>
    Diffusers,

    /// <summary>Names behind a prefix such as <c>model.diffusion_model.</c>, maybe several components in one file.</summary>
    ComfyUi,

    /// <summary>The names of the transformers library (text encoders).</summary>
    HuggingFace,
}
