namespace FluxGrpc.Cli.Verification;

/// <summary>A prompt and what the reference's tokenizer makes of it.</summary>
/// <param name="Prompt">The text.</param>
/// <param name="Ids">Ids, cut and padded.</param>
/// <param name="Length">Tokens before cutting and padding.</param>
/// <param name="IsTruncated">True where it was cut.</param>
internal sealed record TokenizedReference(string Prompt, IReadOnlyList<int> Ids, int Length, bool IsTruncated)
{
    /// <summary>Reads a list of them.</summary>
    /// <exception cref="InvalidDataException">The file holds something else.</exception>
    public static IReadOnlyList<TokenizedReference> Read(ReferenceFolder folder, string name)
    {
        using var json = folder.ReadJson(name);
        try
        {
            return [.. json.RootElement.EnumerateArray().Select(entry => new TokenizedReference(
                entry.GetProperty("prompt").GetString()!,
                [.. entry.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())],
                entry.GetProperty("length_before_padding_and_truncation").GetInt32(),
                entry.GetProperty("truncated").GetBoolean()))];
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{name} is not a list of tokenized prompts: {exception.Message}", exception);
        }
    }
}
