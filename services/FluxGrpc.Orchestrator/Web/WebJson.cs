using System.Text.Encodings.Web;
using System.Text.Json;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// Writes what the web front has of its own as JSON with snake_case names; the contracts' messages are <see cref="ProtoJson"/>'s.
/// </summary>
internal static class WebJson
{
    /// <summary>Type of JSON bodies.</summary>
    public const string MediaType = "application/json";

    private static readonly JsonSerializerOptions _options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // Nothing here is put into HTML.
    };

    /// <summary>An object as UTF-8 on one line.</summary>
    public static byte[] Serialize<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, _options);
}
