using System.Text.Json.Serialization;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>An event on the way to an image.</summary>
/// <param name="Type">"image_generation.partial_image", "image_generation.completed".</param>
/// <param name="B64Json">The file; base64 in JSON.</param>
/// <param name="CreatedAt">Seconds since 1970.</param>
/// <param name="Background">Always "opaque".</param>
/// <param name="OutputFormat">Type of the file.</param>
/// <param name="Quality">Always "auto".</param>
/// <param name="Size">Width and height of this file: a partial image is an eighth of the finished one's.</param>
internal sealed record ImageEvent(string Type, ReadOnlyMemory<byte> B64Json, long CreatedAt, string Background, string OutputFormat,
    string Quality, string Size)
{
    /// <summary>Number of a partial image, from 0; absent otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? PartialImageIndex { get; init; }

    /// <summary>Tokens of a finished image; absent otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TokensUsed? Usage { get; init; }

    /// <summary>Seed of a finished image as digits; absent otherwise. This server's own addition.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Seed { get; init; }
}
