namespace FluxGrpc.Checkpoints;

/// <summary>Names of the components for people.</summary>
internal static class ModelComponents
{
    public static string DisplayName(this ModelComponent component) => component switch
    {
        ModelComponent.Transformer => "transformer",
        ModelComponent.Vae => "autoencoder",
        ModelComponent.ClipText => "CLIP text encoder",
        _ => "T5 text encoder",
    };
}
