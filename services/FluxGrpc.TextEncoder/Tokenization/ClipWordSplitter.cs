using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>
/// Splits cleaned text into the words that CLIP's byte-pair encoding works on: special tokens, English contractions, runs of
/// letters, single digits, runs of anything else but white space. Reference: <c>SimpleTokenizer.pat</c>, whose
/// <c>\p{L}</c> sees whole characters where .NET's regular expressions see halves of those beyond U+FFFF.
/// </summary>
internal sealed class ClipWordSplitter(IReadOnlyCollection<string> specialTokens) : PreTokenizer
{
    private static readonly string[] _contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Digit,
        Other,
    }

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => PreTokenize(text.AsSpan());

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
    {
        var words = new List<(int Offset, int Length)>();
        for (var start = 0; start < text.Length;)
        {
            var length = WordLength(text[start..], out var kind);
            if (kind != Kind.Space)
                words.Add((start, length));
            start += length;
        }

        return words;
    }

    private int WordLength(ReadOnlySpan<char> text, out Kind kind)
    {
        Rune.DecodeFromUtf16(text, out var first, out var length);
        kind = KindOf(first);
        if (kind == Kind.Other)
        {
            if (LiteralLength(text, specialTokens) is > 0 and var special)
                return special;
            if (LiteralLength(text, _contractions) is > 0 and var contraction)
                return contraction;
        }

        while (kind is Kind.Letter or Kind.Other && length < text.Length)
        {
            Rune.DecodeFromUtf16(text[length..], out var next, out var nextLength);
            if (KindOf(next) != kind)
                break;
            length += nextLength;
        }

        return length;
    }

    private static int LiteralLength(ReadOnlySpan<char> text, IReadOnlyCollection<string> literals)
    {
        foreach (var literal in literals)
        {
            if (text.StartsWith(literal, StringComparison.Ordinal))
                return literal.Length;
        }

        return 0;
    }

    private static Kind KindOf(Rune rune) => Rune.IsWhiteSpace(rune) ? Kind.Space : Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Digit,
        _ => Kind.Other,
    };
}
