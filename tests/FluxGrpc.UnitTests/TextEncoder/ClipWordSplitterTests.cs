using CsCheck;
using FluxGrpc.TextEncoder.Tokenization;
using Xunit;

namespace FluxGrpc.UnitTests.TextEncoder;

public sealed class ClipWordSplitterTests
{
    private static readonly ClipWordSplitter _splitter = new(["<|endoftext|>"]);

    [Theory]
    [InlineData("a photo", "a|photo")]
    [InlineData("it's we'll i'd", "it|'s|we|'ll|i|'d")]
    [InlineData("dogs' tails", "dogs|'|tails")]
    [InlineData("!'s", "!'|s")]
    [InlineData("f/1.8, 50mm", "f|/|1|.|8|,|5|0|mm")]
    [InlineData("東京night", "東京night")]
    [InlineData("😀😀!x", "😀😀!|x")]
    [InlineData("\U0001D49C!", "\U0001D49C|!")]
    [InlineData("\U0001D7D8\U0001D7D9", "\U0001D7D8|\U0001D7D9")]
    [InlineData("x<|endoftext|>y", "x|<|endoftext|>|y")]
    [InlineData("<|endoftext", "<||endoftext")]
    [InlineData("", "")]
    public void Text_is_split(string text, string words) => Assert.Equal(words, string.Join('|', Split(text)));

    [Fact]
    public void Only_white_space_is_lost() => Gen.String.Sample(text =>
        string.Concat(Split(text)) == string.Concat(text.Where(character => !char.IsWhiteSpace(character))));

    private static IEnumerable<string> Split(string text) =>
        _splitter.PreTokenize(text).Select(word => text.Substring(word.Offset, word.Length));
}
