using System.Globalization;

namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>The transformer's names in the diffusers library, part by part, and where they are in the official network.</summary>
internal static class DiffusersTransformerKeys
{
    private const string ScaleLeaf = "scale";

    private static readonly Dictionary<string, Part> _top = new(StringComparer.Ordinal)
    {
        ["x_embedder"] = new("img_in"),
        ["context_embedder"] = new("txt_in"),
        ["time_text_embed.timestep_embedder.linear_1"] = new("time_in.in_layer"),
        ["time_text_embed.timestep_embedder.linear_2"] = new("time_in.out_layer"),
        ["time_text_embed.text_embedder.linear_1"] = new("vector_in.in_layer"),
        ["time_text_embed.text_embedder.linear_2"] = new("vector_in.out_layer"),
        ["time_text_embed.guidance_embedder.linear_1"] = new("guidance_in.in_layer"),
        ["time_text_embed.guidance_embedder.linear_2"] = new("guidance_in.out_layer"),
        ["norm_out.linear"] = new("final_layer.adaLN_modulation.1", Form: StoredForm.HalvesSwapped),
        ["proj_out"] = new("final_layer.linear"),
    };

    private static readonly Dictionary<string, Part> _double = new(StringComparer.Ordinal)
    {
        ["norm1.linear"] = new("img_mod.lin"),
        ["norm1_context.linear"] = new("txt_mod.lin"),
        ["attn.to_q"] = new("img_attn.qkv", 0, 3),
        ["attn.to_k"] = new("img_attn.qkv", 1, 3),
        ["attn.to_v"] = new("img_attn.qkv", 2, 3),
        ["attn.add_q_proj"] = new("txt_attn.qkv", 0, 3),
        ["attn.add_k_proj"] = new("txt_attn.qkv", 1, 3),
        ["attn.add_v_proj"] = new("txt_attn.qkv", 2, 3),
        ["attn.norm_q"] = new("img_attn.norm.query_norm", Leaf: ScaleLeaf),
        ["attn.norm_k"] = new("img_attn.norm.key_norm", Leaf: ScaleLeaf),
        ["attn.norm_added_q"] = new("txt_attn.norm.query_norm", Leaf: ScaleLeaf),
        ["attn.norm_added_k"] = new("txt_attn.norm.key_norm", Leaf: ScaleLeaf),
        ["attn.to_out.0"] = new("img_attn.proj"),
        ["attn.to_add_out"] = new("txt_attn.proj"),
        ["ff.net.0.proj"] = new("img_mlp.0"),
        ["ff.net.2"] = new("img_mlp.2"),
        ["ff_context.net.0.proj"] = new("txt_mlp.0"),
        ["ff_context.net.2"] = new("txt_mlp.2"),
    };

    private static readonly Dictionary<string, Part> _single = new(StringComparer.Ordinal)
    {
        ["norm.linear"] = new("modulation.lin"),
        ["attn.to_q"] = new("linear1", 0, 4),
        ["attn.to_k"] = new("linear1", 1, 4),
        ["attn.to_v"] = new("linear1", 2, 4),
        ["proj_mlp"] = new("linear1", 3, 4),
        ["attn.norm_q"] = new("norm.query_norm", Leaf: ScaleLeaf),
        ["attn.norm_k"] = new("norm.key_norm", Leaf: ScaleLeaf),
        ["proj_out"] = new("linear2"),
    };

    /// <summary>All names that a transformer of so many blocks may have.</summary>
    public static IEnumerable<string> Names(int doubleBlocks, int singleBlocks) =>
    [
        .. Names("", _top),
        .. Enumerable.Range(0, doubleBlocks).SelectMany(index =>
            Names(string.Create(CultureInfo.InvariantCulture, $"transformer_blocks.{index}."), _double)),
        .. Enumerable.Range(0, singleBlocks).SelectMany(index =>
            Names(string.Create(CultureInfo.InvariantCulture, $"single_transformer_blocks.{index}."), _single)),
    ];

    /// <summary>Where a tensor goes; unknown names are kept.</summary>
    public static Placement Place(string name)
    {
        if (!IndexedName.TryParse(name, out var block, out var index, out var rest))
            return Place(name, "", name, _top);
        var number = index.ToString(CultureInfo.InvariantCulture);
        return block switch
        {
            "transformer_blocks" => Place(name, $"double_blocks.{number}.", rest, _double),
            "single_transformer_blocks" => Place(name, $"single_blocks.{number}.", rest, _single),
            _ => Place(name, "", name, _top),
        };
    }

    private static IEnumerable<string> Names(string prefix, Dictionary<string, Part> parts) =>
        parts.SelectMany(part => part.Value.Leaf is null
            ? [$"{prefix}{part.Key}.weight", $"{prefix}{part.Key}.bias"]
            : new[] { $"{prefix}{part.Key}.weight" });

    private static Placement Place(string name, string targetPrefix, string rest, Dictionary<string, Part> parts)
    {
        var dot = rest.LastIndexOf('.');
        if (dot < 0 || !parts.TryGetValue(rest[..dot], out var part))
            return new Placement(name);
        var leaf = rest[(dot + 1)..];
        if (part.Leaf is not null && leaf != "weight")
            return new Placement(name);
        return new Placement($"{targetPrefix}{part.Module}.{part.Leaf ?? leaf}", part.Slot, part.Slots, part.Form);
    }

    private sealed record Part(string Module, int Slot = 0, int Slots = 1, string? Leaf = null, StoredForm Form = StoredForm.AsIs);
}
