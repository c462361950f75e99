using System.Text.Json;

namespace FluxGrpc.Checkpoints;

/// <summary>Reads a JSON object from a file that may hold anything.</summary>
internal static class JsonFile
{
    private const int MaxDepth = 16;

    /// <exception cref="InvalidDataException">The file cannot be read, is too long, or is not a JSON object.</exception>
    public static JsonDocument Read(string path, long maxBytes)
    {
        JsonDocument? document = null;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.Length > maxBytes)
                throw new InvalidDataException($"'{path}' has {stream.Length} bytes; at most {maxBytes} are allowed");
            document = JsonDocument.Parse(stream, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"'{path}' cannot be read: {e.Message}", e);
        }

        document.Dispose();
        throw new InvalidDataException($"'{path}' is not a JSON object");
    }
}
