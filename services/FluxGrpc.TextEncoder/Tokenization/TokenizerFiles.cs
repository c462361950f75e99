using System.Text.Json;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>Reads a tokenizer's files, which may be anything: too large and broken ones are refused by name.</summary>
internal static class TokenizerFiles
{
    private const long MaxBytes = 64 << 20;

    /// <summary>All bytes of a file.</summary>
    /// <exception cref="InvalidDataException">Larger than any tokenizer.</exception>
    /// <exception cref="IOException">Not there or not readable.</exception>
    public static byte[] ReadBytes(string path)
    {
        var size = new FileInfo(path).Length;
        return size <= MaxBytes
            ? File.ReadAllBytes(path)
            : throw Broken(path, $"has {size} bytes; allowed: at most {MaxBytes}");
    }

    /// <summary>A file's JSON object; the caller disposes it.</summary>
    /// <exception cref="InvalidDataException">Not a JSON object.</exception>
    public static JsonDocument ReadJson(string path)
    {
        try
        {
            var document = JsonDocument.Parse(ReadBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw Broken(path, "is not a JSON object");
        }
        catch (JsonException exception)
        {
            throw Broken(path, "is not JSON", exception);
        }
    }

    /// <summary>The one exception for a file that cannot be used.</summary>
    public static InvalidDataException Broken(string path, string problem, Exception? cause = null) =>
        new($"Tokenizer file '{path}' {problem}{(cause is null ? "" : $": {cause.Message}")}", cause);
}
