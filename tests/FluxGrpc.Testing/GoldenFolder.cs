using System.IO.Compression;
using System.Text.Json;
using FluxGrpc.Checkpoints;
using FluxGrpc.Torch;

namespace FluxGrpc.Testing;

/// <summary>The reference implementation's numbers in <c>tests/golden</c>; see MANIFEST.md there.</summary>
public static class GoldenFolder
{
    /// <summary>The folder.</summary>
    public static string Path { get; } = Repository.PathOf("tests", "golden");

    /// <summary>Path of a file in it.</summary>
    /// <param name="name">Relative name, such as <c>fp8/fp8_io.safetensors</c>.</param>
    public static string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Opens a safetensors file.</summary>
    public static GoldenFile Open(string name)
    {
        NativeLibraries.EnsureLoaded(); // A test may touch torch only through what it reads here.
        return new GoldenFile(SafetensorsFile.Open(PathOf(name)));
    }

    /// <summary>The sizes of the small models: one object per weight file, by its name without extension.</summary>
    public static JsonElement Config(string model)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(PathOf("configs.json")));
        return json.RootElement.GetProperty(model).Clone();
    }

    /// <summary>Reads a list of keys and shapes, such as <c>flux_dev_keys.json.gz</c>.</summary>
    public static IReadOnlyList<(string Key, IReadOnlyList<long> Shape)> Keys(string name)
    {
        using var stream = new GZipStream(File.OpenRead(PathOf(name)), CompressionMode.Decompress);
        using var json = JsonDocument.Parse(stream);
        return [.. json.RootElement.EnumerateArray().Select(pair =>
            (pair[0].GetString()!, (IReadOnlyList<long>)[.. pair[1].EnumerateArray().Select(dimension => dimension.GetInt64())]))];
    }
}
