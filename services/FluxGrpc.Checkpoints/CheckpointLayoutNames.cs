namespace FluxGrpc.Checkpoints;

/// <summary>Names of the layouts in the contracts.</summary>
public static class CheckpointLayoutNames
{
    /// <summary>The name in <c>ComponentInfo.checkpoint_layout</c>.</summary>
    public static string WireName(this CheckpointLayout layout) => layout switch
    {
        CheckpointLayout.Official => "official",
        CheckpointLayout.Diffusers => "diffusers",
        CheckpointLayout.ComfyUi => "comfyui",
        CheckpointLayout.HuggingFace => "hugging-face",
        _ => throw new ArgumentOutOfRangeException(nameof(layout), layout, "Not a layout"),
    };
}
