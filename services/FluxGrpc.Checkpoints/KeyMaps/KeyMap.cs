namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>Translates a component's stored names into the module's names.</summary>
/// <param name="Layout">Whose names were recognised.</param>
/// <param name="Place">Where a stored name goes; an unknown one keeps its name, so that it is reported as unexpected.</param>
internal sealed record KeyMap(CheckpointLayout Layout, Func<string, Placement> Place)
{
    /// <summary>Recognises the layout of names from which prefixes were removed.</summary>
    /// <exception cref="InvalidDataException">These are not the names of such a component in any layout.</exception>
    public static KeyMap Detect(ModelComponent component, IReadOnlyCollection<string> names)
    {
        var map = component switch
        {
            ModelComponent.Transformer => DetectTransformer(names),
            ModelComponent.Vae => DetectVae(names),
            ModelComponent.ClipText => DetectClip(names),
            _ => DetectT5(names),
        };
        return map ?? throw new InvalidDataException(
            $"not a {component.DisplayName()} in any known layout; "
            + new Mismatches { { "tensors", [.. names.Order(StringComparer.Ordinal)] } });
    }

    private static KeyMap? DetectTransformer(IReadOnlyCollection<string> names) =>
        AnyStartsWith(names, "double_blocks.", "single_blocks.") ? new KeyMap(CheckpointLayout.Official, Keep)
        : AnyStartsWith(names, "transformer_blocks.", "single_transformer_blocks.")
            ? new KeyMap(CheckpointLayout.Diffusers, DiffusersTransformerKeys.Place)
        : null;

    private static KeyMap? DetectVae(IReadOnlyCollection<string> names) =>
        AnyStartsWith(names, "encoder.down.", "decoder.up.") ? new KeyMap(CheckpointLayout.Official, Keep)
        : AnyStartsWith(names, "encoder.down_blocks.", "decoder.up_blocks.")
            ? new KeyMap(CheckpointLayout.Diffusers, new DiffusersVaeKeys(names).Place)
        : null;

    private static KeyMap? DetectClip(IReadOnlyCollection<string> names) =>
        AnyStartsWith(names, "text_model.") ? new KeyMap(CheckpointLayout.HuggingFace, Keep)
        : AnyStartsWith(names, "encoder.layers.", "embeddings.")
            ? new KeyMap(CheckpointLayout.HuggingFace, name => new Placement("text_model." + name))
        : null;

    private static KeyMap? DetectT5(IReadOnlyCollection<string> names)
    {
        const string shared = "shared.weight";
        if (!AnyStartsWith(names, "encoder.block."))
            return null;
        return names.Contains(shared)
            ? new KeyMap(CheckpointLayout.HuggingFace, Keep)
            : new KeyMap(CheckpointLayout.HuggingFace, name => new Placement(name == ComponentKeys.T5TableDuplicate ? shared : name));
    }

    private static Placement Keep(string name) => new(name);

    private static bool AnyStartsWith(IReadOnlyCollection<string> names, params string[] prefixes) =>
        names.Any(name => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));
}
