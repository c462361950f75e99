namespace FluxGrpc.Checkpoints;

/// <summary>The four networks of FLUX.1, each with a checkpoint of its own.</summary>
public enum ModelComponent
{
    /// <summary>The denoising transformer.</summary>
    Transformer,

    /// <summary>The image autoencoder.</summary>
    Vae,

    /// <summary>The CLIP text encoder.</summary>
    ClipText,

    /// <summary>The T5 text encoder.</summary>
    T5,
}
