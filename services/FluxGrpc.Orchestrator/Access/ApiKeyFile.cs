using System.Text.Json;
using System.Text.Json.Serialization;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>The file of keys: <c>{"keys": [{"id": …, "name": …, "sha256": …, "requestsPerMinute": 60, …}]}</c>.</summary>
public static class ApiKeyFile
{
    private const int HashBytes = 32;

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        ReadCommentHandling = JsonCommentHandling.Skip,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, // A limit with a spelling mistake would be none.
        Converters = { new JsonStringEnumConverter<Priority>(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>Understands a file's text.</summary>
    /// <exception cref="InvalidDataException">It is no such file; the message says why.</exception>
    public static IReadOnlyList<ApiKey> Parse(string text)
    {
        Content? content;
        try
        {
            content = JsonSerializer.Deserialize<Content>(text, _json);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"The file of keys is not understood: {exception.Message}", exception);
        }

        var keys = content?.Keys ?? throw new InvalidDataException("The file of keys has no list \"keys\"");
        foreach (var key in keys)
            Check(key);
        return keys.GroupBy(key => key.Id).FirstOrDefault(same => same.Count() > 1) is { Key: var twice }
            ? throw new InvalidDataException($"The file of keys has the id '{twice}' twice")
            : keys;
    }

    /// <summary>The text of a file.</summary>
    public static string Serialize(IReadOnlyList<ApiKey> keys) => JsonSerializer.Serialize(new Content(keys), _json) + "\n";

    private static void Check(ApiKey key)
    {
        if (key.Sha256.Length != 2 * HashBytes || !key.Sha256.All(char.IsAsciiHexDigit))
            throw new InvalidDataException($"Key '{key.Id}' has no SHA-256 of {2 * HashBytes} hexadecimal digits");
        if (key.RequestsPerMinute < 0 || key.MaxConcurrent < 0)
            throw new InvalidDataException($"Key '{key.Id}' has a limit below 0");
        if (key.Priority is not (Priority.Interactive or Priority.Batch))
            throw new InvalidDataException($"Key '{key.Id}' has an unknown priority; allowed: interactive, batch");
    }

    private sealed record Content(IReadOnlyList<ApiKey> Keys);
}
