namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>Picks a component's tensors out of files that may hold several components behind prefixes (ComfyUI's layout).</summary>
internal static class ComponentKeys
{
    /// <summary>A second copy of T5's <c>shared.weight</c> that many files carry.</summary>
    public const string T5TableDuplicate = "encoder.embed_tokens.weight";

    private const string TransformerPrefix = "model.diffusion_model.";
    private const string VaePrefix = "vae.";
    private const string TextEncodersPrefix = "text_encoders.";
    private const string ClipPrefix = "text_encoders.clip_l.transformer.";
    private const string T5Prefix = "text_encoders.t5xxl.transformer.";

    private static readonly string[] _bundlePrefixes = [TransformerPrefix, VaePrefix, TextEncodersPrefix];

    /// <summary>Selects a component's tensors, named without the prefix, and leaves out what the network does not use.</summary>
    /// <returns>The tensors, and whether they were behind a prefix.</returns>
    public static (Dictionary<string, StoredTensor> Tensors, bool WerePrefixed) Select(
        ModelComponent component, IReadOnlyDictionary<string, StoredTensor> stored)
    {
        var prefix = PrefixOf(component);
        var arePrefixed = stored.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));
        var selected = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (var (name, tensor) in stored)
        {
            var isOwn = arePrefixed && name.StartsWith(prefix, StringComparison.Ordinal);
            if (!isOwn && BelongsToAnother(name))
                continue;
            var key = isOwn ? name[prefix.Length..] : name;
            if (!selected.TryAdd(key, tensor))
                throw new InvalidDataException($"tensor '{key}' is there with and without the prefix '{prefix}'");
        }

        foreach (var name in selected.Keys.Where(name => IsUnused(component, name, selected)).ToArray())
            selected.Remove(name);
        return (selected, arePrefixed);
    }

    private static string PrefixOf(ModelComponent component) => component switch
    {
        ModelComponent.Transformer => TransformerPrefix,
        ModelComponent.Vae => VaePrefix,
        ModelComponent.ClipText => ClipPrefix,
        _ => T5Prefix,
    };

    private static bool BelongsToAnother(string name) =>
        _bundlePrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    private static bool IsUnused(ModelComponent component, string name, Dictionary<string, StoredTensor> all) => component switch
    {
        ModelComponent.ClipText => name is "logit_scale" or "text_projection" or "text_projection.weight"
            || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal),
        ModelComponent.T5 => name == "logit_scale" || (name == T5TableDuplicate && all.ContainsKey("shared.weight")),
        _ => false,
    };
}
