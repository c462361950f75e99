using System.Globalization;
using System.Text.Json;

namespace FluxGrpc.Checkpoints;

/// <summary>A component's <c>config.json</c>. It may be absent: then every key is.</summary>
public sealed class ComponentConfig
{
    /// <summary>The file's name.</summary>
    public const string FileName = "config.json";

    private const long MaxBytes = 1_000_000;

    private readonly JsonElement? _root;

    private ComponentConfig(JsonElement? root) => _root = root;

    /// <summary>True where the checkpoint has a <c>config.json</c>.</summary>
    public bool Exists => _root is not null;

    /// <summary>A whole number, or null where the key is absent or null.</summary>
    /// <exception cref="InvalidDataException">The value is something else.</exception>
    public int? TryGetInt(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number
        : throw Wrong(key, value, "a whole number");

    /// <summary>A number, or null where the key is absent or null.</summary>
    /// <exception cref="InvalidDataException">The value is something else.</exception>
    public double? TryGetDouble(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number
        : throw Wrong(key, value, "a number");

    /// <summary>True or false, or null where the key is absent or null.</summary>
    /// <exception cref="InvalidDataException">The value is something else.</exception>
    public bool? TryGetBool(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(key, value, "true or false");

    /// <summary>Text, or null where the key is absent or null.</summary>
    /// <exception cref="InvalidDataException">The value is something else.</exception>
    public string? TryGetString(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(key, value, "text");

    /// <summary>A list of whole numbers, or null where the key is absent or null.</summary>
    /// <exception cref="InvalidDataException">The value is something else.</exception>
    public IReadOnlyList<int>? TryGetInts(string key)
    {
        if (Find(key) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            throw Wrong(key, value, "a list of whole numbers");
        return [.. value.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number)
                ? number
                : throw Wrong(key, value, "a list of whole numbers"))];
    }

    /// <summary>A matrix: a list of lists of numbers, all of one length; null where the file does not have it.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public IReadOnlyList<IReadOnlyList<double>>? TryGetRows(string key)
    {
        if (Find(key) is not { } value)
            return null;
        IReadOnlyList<double>[] rows =
            value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(row => Numbers(key, row))] : [];
        return rows.Length > 0 && rows.All(row => row.Count == rows[0].Count)
            ? rows
            : throw Wrong(key, value, "a list of lists of as many numbers");
    }

    /// <summary>A list of numbers; null where the file does not have it.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public IReadOnlyList<double>? TryGetDoubles(string key) => Find(key) is { } value ? Numbers(key, value) : null;

    /// <summary>Checks a size that the tensors' shapes tell, where the file states it too.</summary>
    /// <exception cref="InvalidDataException">The two contradict each other.</exception>
    public void MustAgree(string key, long fromTensors)
    {
        if (TryGetInt(key) is { } stated && stated != fromTensors)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"{FileName} says {key} = {stated}, but the tensors' shapes say {fromTensors}"));
        }
    }

    internal static ComponentConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return new ComponentConfig(null);
        using var json = JsonFile.Read(path, MaxBytes);
        return new ComponentConfig(json.RootElement.Clone());
    }

    private JsonElement? Find(string key) =>
        _root is { } root && root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static InvalidDataException Wrong(string key, JsonElement value, string expected)
    {
        const int maxShown = 100;
        var text = value.GetRawText();
        if (text.Length > maxShown)
            text = text[..maxShown] + "…";
        return new InvalidDataException($"{FileName}: {key} must be {expected}, but is {text}");
    }

    private static double[] Numbers(string key, JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && double.IsFinite(item.GetDouble())
            ? item.GetDouble()
            : throw Wrong(key, value, "a list of numbers"))]
        : throw Wrong(key, value, "a list of numbers");
}
