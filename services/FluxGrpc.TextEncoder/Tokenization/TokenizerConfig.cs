using System.Text.Json;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>What matters of a tokenizer folder's <c>tokenizer_config.json</c>.</summary>
/// <param name="ModelMaxLength">Longest sequence, or null where the file is missing or means "no limit" (Hugging Face writes 1e30).</param>
/// <param name="PadToken">The padding token, or null where none is named.</param>
internal sealed record TokenizerConfig(int? ModelMaxLength, string? PadToken)
{
    private const int MostTokens = 4096;

    /// <summary>Reads the file, which may be missing.</summary>
    /// <exception cref="InvalidDataException">The file is not a JSON object.</exception>
    public static TokenizerConfig Read(string folder)
    {
        var path = Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(path))
            return new TokenizerConfig(null, null);

        using var document = TokenizerFiles.ReadJson(path);
        return new TokenizerConfig(ReadMaxLength(document.RootElement), ReadPadToken(document.RootElement));
    }

    private static int? ReadMaxLength(JsonElement root) =>
        root.TryGetProperty("model_max_length", out var value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt32(out var length) && length is >= 2 and <= MostTokens
            ? length
            : null;

    // Either a string or {"content": "..."}.
    private static string? ReadPadToken(JsonElement root)
    {
        if (!root.TryGetProperty("pad_token", out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content))
            value = content;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
