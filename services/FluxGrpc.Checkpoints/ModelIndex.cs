using System.Text.Json;

namespace FluxGrpc.Checkpoints;

/// <summary>A model folder's <c>model_index.json</c>.</summary>
internal static class ModelIndex
{
    private const long MaxBytes = 1 << 20;

    /// <summary>
    /// The last part of its <c>_name_or_path</c>, which is an owner and a name, or where the model lay when it was saved; null
    /// where there is none.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is not a JSON object.</exception>
    public static string? NameIn(string folder)
    {
        var path = Path.Combine(folder, "model_index.json");
        if (!File.Exists(path))
            return null;
        using var index = JsonFile.Read(path, MaxBytes);
        return index.RootElement.TryGetProperty("_name_or_path", out var name)
            && name.ValueKind == JsonValueKind.String
            && name.GetString()!.TrimEnd('/').Split('/', '\\')[^1] is { Length: > 0 } last
                ? last
                : null;
    }
}
