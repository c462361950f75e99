using System.Text.Json;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Tokenization;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>Every golden prompt must give the reference's ids, all of them.</summary>
public sealed class TokenizerGoldenTests(ITestOutputHelper output)
{
    private static readonly JsonElement[] _t5 = Read("t5_ids.json");
    private static readonly JsonElement[] _clip = Read("clip_ids.json");

    public static TheoryData<string> T5Sources { get; } = new() { "spiece_small.model", "t5_small_tokenizer.json" };

    [Theory]
    [MemberData(nameof(T5Sources))]
    public void T5_prompts_match_the_reference(string source)
    {
        var tokenizer = T5Tokenizer.Load(PathOf(source));

        AssertMatches(_t5, prompt => tokenizer.Encode(prompt, 512));
    }

    [Theory]
    [MemberData(nameof(T5Sources))]
    public void T5_pieces_match_the_reference(string source)
    {
        var tokenizer = T5Tokenizer.Load(PathOf(source));

        foreach (var entry in _t5)
        {
            var expected = entry.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetString()).ToArray();
            var pieces = tokenizer.Encode(entry.GetProperty("prompt").GetString()!, 512).Pieces;
            Assert.Equal(expected, pieces.SkipLast(1).Take(expected.Length));
            Assert.Equal("</s>", pieces[^1]);
        }
    }

    [Fact]
    public void Clip_prompts_match_the_reference()
    {
        var tokenizer = ClipTokenizer.Load(GoldenFolder.PathOf("tokenizers"));

        AssertMatches(_clip, prompt => tokenizer.Encode(prompt, 77));
    }

    [Fact]
    public void A_tokenizer_that_errs_is_noticed()
    {
        var t5 = T5Tokenizer.Load(PathOf("spiece_small.model"));
        var clip = ClipTokenizer.Load(GoldenFolder.PathOf("tokenizers"));

        Assert.NotEmpty(Mismatches(_t5, prompt => t5.Encode(prompt.ToLowerInvariant(), 512)));
        Assert.NotEmpty(Mismatches(_t5, prompt => t5.Encode(prompt, 511)));
        Assert.NotEmpty(Mismatches(_clip, prompt => clip.Encode(prompt.Replace(" ", "", StringComparison.Ordinal), 77)));
        Assert.NotEmpty(Mismatches(_clip, prompt => clip.Encode(System.Net.WebUtility.HtmlDecode(prompt), 77)));
    }

    private void AssertMatches(JsonElement[] entries, Func<string, TokenSequence> encode)
    {
        var mismatches = Mismatches(entries, encode);
        output.WriteLine($"{entries.Length - mismatches.Count} of {entries.Length} prompts");
        Assert.Equal(46, entries.Length);
        Assert.Empty(mismatches);
    }

    private static List<string> Mismatches(JsonElement[] entries, Func<string, TokenSequence> encode) =>
        [.. entries.Where(entry => !Matches(entry, encode)).Select(entry => entry.GetProperty("prompt").GetString()!)];

    private static bool Matches(JsonElement entry, Func<string, TokenSequence> encode)
    {
        var tokens = encode(entry.GetProperty("prompt").GetString()!);
        return tokens.Ids.SequenceEqual(entry.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()))
            && tokens.TokenCount == entry.GetProperty("length_before_padding_and_truncation").GetInt32()
            && tokens.Truncated == entry.GetProperty("truncated").GetBoolean()
            && tokens.Truncated == tokens.DroppedText.Length > 0;
    }

    private static string PathOf(string name) => GoldenFolder.PathOf(Path.Combine("tokenizers", name));

    private static JsonElement[] Read(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(PathOf(name)));
        return [.. json.RootElement.Clone().EnumerateArray()];
    }
}
