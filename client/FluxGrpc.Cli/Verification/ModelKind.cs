namespace FluxGrpc.Cli.Verification;

/// <summary>The networks that reference numbers can be for.</summary>
internal enum ModelKind
{
    /// <summary>The flow transformer.</summary>
    Transformer,

    /// <summary>The autoencoder.</summary>
    Vae,

    /// <summary>The T5 encoder.</summary>
    T5,

    /// <summary>The CLIP text encoder.</summary>
    Clip,
}
