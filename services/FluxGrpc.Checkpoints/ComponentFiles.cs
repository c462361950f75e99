namespace FluxGrpc.Checkpoints;

/// <summary>Finds a component's files below the path a user gave.</summary>
/// <param name="Weights">A <c>.safetensors</c> file, or the index of several.</param>
/// <param name="Folder">The folder of the weights, and of <c>config.json</c>.</param>
/// <param name="Root">The folder of the whole model: the parent of a component's own folder, else <paramref name="Folder"/>.</param>
internal sealed record ComponentFiles(string Weights, string Folder, string Root)
{
    public const string IndexSuffix = ".safetensors.index.json";
    private const string WeightsSuffix = ".safetensors";

    /// <summary>Accepts a file, a component's folder, or a model's folder in the Hugging Face layout or of single files.</summary>
    /// <exception cref="InvalidDataException">Nothing there can be this component; the message says what was looked for.</exception>
    public static ComponentFiles Find(string path, ModelComponent component)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full))
            return InFolder(CheckedExtension(full));
        if (!Directory.Exists(full))
            throw new InvalidDataException($"'{path}' does not exist");

        var subfolder = Path.Combine(full, SubfolderOf(component));
        if (Directory.Exists(subfolder))
            return new ComponentFiles(ChooseWeights(subfolder, component), subfolder, full);
        return InFolder(ChooseWeights(full, component));
    }

    /// <summary>Name of the component's folder in the Hugging Face layout.</summary>
    private static string SubfolderOf(ModelComponent component) => component switch
    {
        ModelComponent.Transformer => "transformer",
        ModelComponent.Vae => "vae",
        ModelComponent.ClipText => "text_encoder",
        ModelComponent.T5 => "text_encoder_2",
        _ => throw new ArgumentOutOfRangeException(nameof(component), component, "Not a component"),
    };

    /// <summary>How the single files that people download begin.</summary>
    private static string[] FilePrefixesOf(ModelComponent component) => component switch
    {
        ModelComponent.Transformer => ["flux1"],
        ModelComponent.Vae => ["ae.", "ae_", "flux_vae", "flux-vae"],
        ModelComponent.ClipText => ["clip_l", "clip-l"],
        _ => ["t5xxl", "t5_xxl", "t5-xxl"],
    };

    private static ComponentFiles InFolder(string weights)
    {
        var folder = Path.GetDirectoryName(weights)!;
        var isComponentFolder = Enum.GetValues<ModelComponent>().Any(component => Path.GetFileName(folder) == SubfolderOf(component));
        return new ComponentFiles(weights, folder, isComponentFolder ? Path.GetDirectoryName(folder)! : folder);
    }

    private static string CheckedExtension(string file) =>
        file.EndsWith(WeightsSuffix, StringComparison.Ordinal) || file.EndsWith(IndexSuffix, StringComparison.Ordinal)
            ? file
            : throw new InvalidDataException($"'{file}' is neither {WeightsSuffix} nor {IndexSuffix}; no other format is read");

    /// <summary>The well-known name first, then the index of a sharded checkpoint, then the one file that can be meant.</summary>
    private static string ChooseWeights(string folder, ModelComponent component)
    {
        var names = Directory.EnumerateFiles(folder).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal).ToArray();
        var indexes = names.Where(name => name.EndsWith(IndexSuffix, StringComparison.Ordinal)).ToArray();
        var weights = names.Where(name => name.EndsWith(WeightsSuffix, StringComparison.Ordinal)).ToArray();
        string[] wellKnown = ["diffusion_pytorch_model", "model"];
        var known = wellKnown.SelectMany(name => new[] { name + WeightsSuffix, name + IndexSuffix }).FirstOrDefault(names.Contains);
        var prefixes = FilePrefixesOf(component);
        var named = weights.Where(name => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))).ToArray();

        var chosen = (known, indexes, named, weights) switch
        {
            ({ } name, _, _, _) => name,
            (_, [var name], _, _) => name,
            (_, _, [var name], _) => name,
            (_, [], [], [var name]) => name,
            _ => throw new InvalidDataException(
                $"'{folder}' has no file, or more than one, that can be the {component.DisplayName()}; {WeightsSuffix} files there: "
                + (weights.Length == 0 ? "none" : string.Join(", ", weights.Take(Mismatches.MaxListed)))),
        };
        return Path.Combine(folder, chosen);
    }
}
