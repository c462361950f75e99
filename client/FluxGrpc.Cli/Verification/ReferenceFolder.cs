using System.Text.Json;
using FluxGrpc.Checkpoints;

namespace FluxGrpc.Cli.Verification;

/// <summary>A folder of reference numbers, laid out like tests/golden.</summary>
internal sealed class ReferenceFolder : IDisposable
{
    private const long MaxJsonBytes = 64 << 20;

    private readonly string _path;
    private readonly JsonDocument _configs;

    /// <exception cref="CliException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException"><c>configs.json</c> is not JSON.</exception>
    public ReferenceFolder(string path)
    {
        if (!Directory.Exists(path))
            throw new CliException($"'{path}' is not a folder");
        _path = Path.GetFullPath(path);
        _configs = Has("configs.json") ? ReadJson("configs.json") : JsonDocument.Parse("{}");
    }

    /// <summary>Names of the models whose sizes <c>configs.json</c> has, by what kind they are.</summary>
    public IEnumerable<string> ModelsOf(ModelKind kind) =>
        from model in _configs.RootElement.EnumerateObject()
        where KindOf(model.Value) == kind
        select model.Name;

    /// <summary>A model's <c>config.json</c>.</summary>
    public string ConfigOf(string model) => _configs.RootElement.GetProperty(model).GetRawText();

    /// <summary>Settings of the trajectory; null where there are none.</summary>
    public JsonElement? Trajectory => _configs.RootElement.TryGetProperty("trajectory", out var settings) ? settings : null;

    /// <summary>True where the folder has the file.</summary>
    public bool Has(string name) => File.Exists(PathOf(name));

    /// <summary>The first of the files that is not there; null where all are.</summary>
    public string? FirstMissing(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (!Has(name))
                return name;
        }

        return null;
    }

    /// <summary>Absolute path of a file.</summary>
    public string PathOf(string name) => Path.Combine(_path, name);

    /// <summary>Files of <c>tokenizers/</c> that match a pattern.</summary>
    public IReadOnlyList<string> TokenizerFiles(string pattern) => Directory.Exists(PathOf("tokenizers"))
        ? [.. Directory.EnumerateFiles(PathOf("tokenizers"), pattern).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Opens a safetensors file.</summary>
    public SafetensorsFile Open(string name) => SafetensorsFile.Open(PathOf(name));

    /// <summary>Reads a JSON file.</summary>
    /// <exception cref="InvalidDataException">It is not JSON, or too long.</exception>
    public JsonDocument ReadJson(string name)
    {
        if (new FileInfo(PathOf(name)).Length > MaxJsonBytes)
            throw new InvalidDataException($"{name} is longer than {MaxJsonBytes} bytes");
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(PathOf(name)));
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{name} is not JSON: {exception.Message}", exception);
        }
    }

    public void Dispose() => _configs.Dispose();

    private static ModelKind? KindOf(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object)
            return null;
        return (Text(config, "_class_name") ?? Text(config, "model_type")) switch
        {
            "FluxTransformer2DModel" => ModelKind.Transformer,
            "AutoencoderKL" => ModelKind.Vae,
            "t5" => ModelKind.T5,
            "clip_text_model" => ModelKind.Clip,
            _ => null,
        };
    }

    private static string? Text(JsonElement config, string key) =>
        config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
