namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>A prompt as token ids, cut or padded to a length.</summary>
/// <param name="Ids">Ids [L], start and end tokens and padding included.</param>
/// <param name="TokenCount">Tokens before cutting and padding, start and end tokens included.</param>
/// <param name="DroppedText">What was cut off, as the tokenizer normalised it; empty where nothing was.</param>
/// <param name="Pieces">The pieces of the ids up to the end token.</param>
public sealed record TokenSequence(IReadOnlyList<int> Ids, int TokenCount, string DroppedText, IReadOnlyList<string> Pieces)
{
    /// <summary>The length L that the prompt had to fit.</summary>
    public int Limit => Ids.Count;

    /// <summary>True where the prompt did not fit and was cut, the end token kept last.</summary>
    public bool Truncated => TokenCount > Limit;
}
