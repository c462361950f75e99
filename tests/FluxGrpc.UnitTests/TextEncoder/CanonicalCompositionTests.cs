using CsCheck;
using FluxGrpc.TextEncoder.Tokenization;
using Xunit;

namespace FluxGrpc.UnitTests.TextEncoder;

/// <summary>Normalization Form C, by the examples of UAX #15 and the algorithm's properties.</summary>
public sealed class CanonicalCompositionTests
{
    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("", "")]
    [InlineData("cafe\u0301", "caf\u00E9")]
    [InlineData("A\u030A", "\u00C5")]
    [InlineData("\u212B", "\u00C5")]               // Angstrom sign, a singleton
    [InlineData("\u2126", "\u03A9")]               // Ohm sign
    [InlineData("D\u0307\u0323", "\u1E0C\u0307")]  // Marks are sorted by class before they compose.
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("\u0958", "\u0915\u093C")]         // Excluded from composition
    [InlineData("\u1112\u1161\u11AB", "\uD55C")]   // Hangul: three letters to a syllable
    [InlineData("\uD558\u11AB", "\uD55C")]         // … and a syllable and a letter
    [InlineData("\uD55C\u11AB", "\uD55C\u11AB")]
    [InlineData("a\u0315\u0300\u05AE\u0300b", "\u00E0\u05AE\u0300\u0315b")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("\U00011131\U00011127", "\U0001112E")]
    [InlineData("\u0301a", "\u0301a")]
    public void Text_is_composed(string text, string composed) => Assert.Equal(composed, CanonicalComposition.Compose(text));

    [Fact]
    public void Composing_twice_changes_nothing() =>
        Gen.Int[0x20, 0x2FA1D].Where(code => code is < 0xD800 or > 0xDFFF).Array[0, 12].Sample(codes =>
        {
            var composed = CanonicalComposition.Compose(string.Concat(codes.Select(char.ConvertFromUtf32)));
            return CanonicalComposition.Compose(composed) == composed;
        });
}
