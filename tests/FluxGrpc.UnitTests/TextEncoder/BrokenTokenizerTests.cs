using System.Text.Json.Nodes;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Tokenization;
using Xunit;

namespace FluxGrpc.UnitTests.TextEncoder;

/// <summary>Files that are not what they should be are refused by name.</summary>
public sealed class BrokenTokenizerTests : IDisposable
{
    private const string Specials = "\"<|startoftext|>\": 1, \"<|endoftext|>\": 2";

    private static readonly Dictionary<string, Action<JsonObject>> _edits = new()
    {
        ["another algorithm"] = json => json["model"]!["type"] = "BPE",
        ["no model"] = json => json.Remove("model"),
        ["no vocabulary"] = json => json["model"]!.AsObject().Remove("vocab"),
        ["an empty vocabulary"] = json => json["model"]!["vocab"] = new JsonArray(),
        ["no unknown token"] = json => json["model"]!["unk_id"] = null,
        ["an unknown token beyond the vocabulary"] = json => json["model"]!["unk_id"] = 10_000,
        ["a piece without a score"] = json => json["model"]!["vocab"]![9] = new JsonArray("x"),
        ["a piece that is a number"] = json => json["model"]!["vocab"]![9] = new JsonArray(1, 2),
        ["an infinite score"] = json => json["model"]!["vocab"]![9] = new JsonArray("x", 1e300),
        ["an empty piece"] = json => json["model"]!["vocab"]![9] = new JsonArray("", 0),
        ["a piece twice"] = json => json["model"]!["vocab"]![9] = json["model"]!["vocab"]![10]!.DeepClone(),
        ["no end token"] = json => json["model"]!["vocab"]![1] = new JsonArray("<end>", 0),
        ["a map that is no base64"] = json => json["normalizer"]!["precompiled_charsmap"] = "?",
        ["a map that is cut off"] = json => json["normalizer"]!["precompiled_charsmap"] = "ALQCAACEAAAA",
        ["a normalizer that is a list"] = json => json["normalizer"] = new JsonArray(),
    };

    private readonly TextEncoderFolder _folder = new TextEncoderFolder().WithFittingTokenizers();

    public static TheoryData<string> Edits { get; } = [.. _edits.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\": ")]
    [InlineData("{\"a\": 0}")]
    [InlineData("{\"a\": -1, " + Specials + "}")]
    [InlineData("{\"\\ud800\": 0, " + Specials + "}")]
    [InlineData("{\"a\": \"x\", " + Specials + "}")]
    [InlineData("{\"a\": 1e30, " + Specials + "}")]
    [InlineData("{\"a\": 2, " + Specials + "}")]
    [InlineData("{\"a\": 0, \"a\": 3, " + Specials + "}")]
    public void A_broken_vocabulary(string content) => AssertClipBroken("vocab.json", content);

    [Theory]
    [InlineData("a")]
    [InlineData("a b c")]
    [InlineData("#version: 0.2\nq w e r t y")]
    [InlineData("a zzzz")]
    [InlineData("a b\na b")]
    public void Broken_merges(string content) => AssertClipBroken("merges.txt", content);

    [Fact]
    public void A_missing_file()
    {
        File.Delete(Path.Combine(_folder.ClipTokenizer, "merges.txt"));

        var exception = Assert.Throws<FileNotFoundException>(() => ClipTokenizer.Load(_folder.ClipTokenizer));

        Assert.Contains("merges.txt", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json", "[1]")]
    [InlineData("tokenizer_config.json", "}")]
    public void A_broken_config(string name, string content) => AssertClipBroken(name, content);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(100_000)]
    public void A_model_that_was_cut_off(int length)
    {
        var path = Path.Combine(_folder.T5Tokenizer, "spiece.model");
        File.WriteAllBytes(path, File.ReadAllBytes(GoldenFolder.PathOf("tokenizers/spiece_small.model"))[..length]);

        AssertT5Broken("spiece.model");
    }

    [Fact]
    public void A_model_with_any_byte_changed_loads_or_is_refused()
    {
        var good = File.ReadAllBytes(GoldenFolder.PathOf("tokenizers/spiece_small.model"));
        var path = Path.Combine(_folder.T5Tokenizer, "spiece.model");
        var random = new Random(20);
        for (var i = 0; i < 200; i++)
        {
            var bad = good.ToArray();
            bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, bad);
            var exception = Record.Exception(() => T5Tokenizer.Load(path).Encode("a café, 漢字", 64));
            Assert.True(exception is null or InvalidDataException, $"try {i}: {exception}");
        }
    }

    [Theory]
    [MemberData(nameof(Edits))]
    public void A_tokenizer_json_with(string mistake)
    {
        var path = Path.Combine(_folder.T5Tokenizer, "tokenizer.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        _edits[mistake](json);
        File.WriteAllText(path, json.ToJsonString());

        AssertT5Broken("tokenizer.json");
    }

    private void AssertClipBroken(string name, string content)
    {
        File.WriteAllText(Path.Combine(_folder.ClipTokenizer, name), content);

        var exception = Assert.Throws<InvalidDataException>(() => ClipTokenizer.Load(_folder.ClipTokenizer));

        Assert.Contains(name, exception.Message, StringComparison.Ordinal);
    }

    private void AssertT5Broken(string name)
    {
        var exception = Assert.Throws<InvalidDataException>(() => T5Tokenizer.Load(_folder.T5Tokenizer));

        Assert.Contains(name, exception.Message, StringComparison.Ordinal);
    }
}
