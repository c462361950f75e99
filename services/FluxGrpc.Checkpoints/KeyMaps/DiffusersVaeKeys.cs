using System.Globalization;

namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>The autoencoder's names in the diffusers library, and where they are in the official network.</summary>
internal sealed class DiffusersVaeKeys
{
    private static readonly Dictionary<string, string> _blockModules = new(StringComparer.Ordinal)
    {
        ["norm1"] = "norm1",
        ["conv1"] = "conv1",
        ["norm2"] = "norm2",
        ["conv2"] = "conv2",
        ["conv_shortcut"] = "nin_shortcut",
    };

    // The second names are those of older files.
    private static readonly Dictionary<string, string> _attentionMatrices = new(StringComparer.Ordinal)
    {
        ["to_q"] = "q",
        ["to_k"] = "k",
        ["to_v"] = "v",
        ["to_out.0"] = "proj_out",
        ["query"] = "q",
        ["key"] = "k",
        ["value"] = "v",
        ["proj_attn"] = "proj_out",
    };

    private static readonly string[] _single =
    [
        "conv_in", "conv_norm_out", "conv_out", "mid_block.attentions.0.group_norm", "mid_block.attentions.0.to_q",
        "mid_block.attentions.0.to_k", "mid_block.attentions.0.to_v", "mid_block.attentions.0.to_out.0",
    ];

    private static readonly (string Blocks, string Resampling)[] _sides =
        [("down_blocks", "downsamplers.0.conv"), ("up_blocks", "upsamplers.0.conv")];

    private readonly int _upBlocks;

    /// <param name="names">All names: the decoder's levels are counted from the other end.</param>
    public DiffusersVaeKeys(IEnumerable<string> names)
    {
        const string upBlocks = "decoder.up_blocks.";
        _upBlocks = names.Where(name => name.StartsWith(upBlocks, StringComparison.Ordinal))
            .Select(name => name[upBlocks.Length..].Split('.')[0]).Distinct(StringComparer.Ordinal).Count();
    }

    /// <summary>All names that an autoencoder of so many levels, with at most so many blocks in each, may have.</summary>
    public static IEnumerable<string> Names(int levels, int blocks)
    {
        var middle = Enumerable.Range(0, 2).SelectMany(block => _blockModules.Keys.Select(part =>
            string.Create(CultureInfo.InvariantCulture, $"mid_block.resnets.{block}.{part}")));
        var sides = _sides.SelectMany(side => Enumerable.Range(0, levels).SelectMany(level => Enumerable.Range(0, blocks)
            .SelectMany(block => _blockModules.Keys.Select(part => string.Create(CultureInfo.InvariantCulture, $"resnets.{block}.{part}")))
            .Append(side.Resampling)
            .Select(module => string.Create(CultureInfo.InvariantCulture, $"{side.Blocks}.{level}.{module}"))));
        return _single.Concat(middle).Concat(sides).SelectMany(module => new[]
        {
            $"encoder.{module}.weight", $"encoder.{module}.bias", $"decoder.{module}.weight", $"decoder.{module}.bias",
        });
    }

    /// <summary>Where a tensor goes; unknown names are kept.</summary>
    public Placement Place(string name)
    {
        var half = name.IndexOf('.', StringComparison.Ordinal);
        var leafDot = name.LastIndexOf('.');
        if (half < 0 || leafDot <= half)
            return new Placement(name);
        var (prefix, module, leaf) = (name[..half], name[(half + 1)..leafDot], name[(leafDot + 1)..]);
        var isMatrix = module.StartsWith("mid_block.attentions.0.", StringComparison.Ordinal) && leaf == "weight";
        return ModuleOf(module) is { } target
            ? new Placement($"{prefix}.{target}.{leaf}", Form: isMatrix ? StoredForm.MatrixOfConvolution : StoredForm.AsIs)
            : new Placement(name);
    }

    private string? ModuleOf(string module)
    {
        if (module is "conv_in" or "conv_out")
            return module;
        if (module == "conv_norm_out")
            return "norm_out";
        const string middle = "mid_block.";
        if (module.StartsWith(middle, StringComparison.Ordinal))
            return MiddleModule(module[middle.Length..]);
        if (!IndexedName.TryParse(module, out var list, out var level, out var rest))
            return null;
        return list switch
        {
            "down_blocks" => LevelModule("down", level, rest),
            "up_blocks" when level < _upBlocks => LevelModule("up", _upBlocks - 1 - level, rest),
            _ => null,
        };
    }

    private static string? MiddleModule(string module)
    {
        if (!IndexedName.TryParse(module, out var list, out var index, out var rest))
            return null;
        return list switch
        {
            "resnets" when index < 2 && _blockModules.TryGetValue(rest, out var part) =>
                string.Create(CultureInfo.InvariantCulture, $"mid.block_{index + 1}.{part}"),
            "attentions" when index == 0 && rest == "group_norm" => "mid.attn_1.norm",
            "attentions" when index == 0 && _attentionMatrices.TryGetValue(rest, out var part) => "mid.attn_1." + part,
            _ => null,
        };
    }

    private static string? LevelModule(string direction, int level, string module)
    {
        if (module is "downsamplers.0.conv" or "upsamplers.0.conv")
            return string.Create(CultureInfo.InvariantCulture, $"{direction}.{level}.{direction}sample.conv");
        return IndexedName.TryParse(module, out var list, out var index, out var rest) && list == "resnets"
            && _blockModules.TryGetValue(rest, out var part)
                ? string.Create(CultureInfo.InvariantCulture, $"{direction}.{level}.block.{index}.{part}")
                : null;
    }
}
