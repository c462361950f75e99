namespace FluxGrpc.Checkpoints;

/// <summary>Names of the layouts outside this program.</summary>
public static class CheckpointLayouts
{
    /// <summary>The name that the contracts use: see <c>ComponentInfo.checkpoint_layout</c>.</summary>
    public static string WireName(this CheckpointLayout layout) => layout switch
    {
        CheckpointLayout.Official => "official",
        CheckpointLayout.Diffusers => "diffusers",
        CheckpointLayout.ComfyUi => "comfyui",
        CheckpointLayout.HuggingFace => "hugging-face",
        _ => throw new ArgumentOutOfRangeException(nameof(layout), layout, "Not a layout"),
    };
}
