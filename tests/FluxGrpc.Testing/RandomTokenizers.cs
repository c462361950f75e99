using System.Text.Json;
using System.Text.Json.Nodes;

namespace FluxGrpc.Testing;

/// <summary>Tokenizer folders for models that have learned no words.</summary>
public static class RandomTokenizers
{
    private const string StartToken = "<|startoftext|>";
    private const string EndToken = "<|endoftext|>";
    private const string EndOfWord = "</w>";
    private const int ClipPositions = 77;

    /// <summary>Each byte inside and at the end of a word, start and end token.</summary>
    public const int ClipVocabularySize = (2 * 256) + 2;

    /// <summary>Writes a byte-level vocabulary without merges: each character is a token.</summary>
    public static void WriteClip(string folder)
    {
        Directory.CreateDirectory(folder);
        var bytes = ByteNames().ToList();
        IEnumerable<string> tokens = [.. bytes, .. bytes.Select(name => name + EndOfWord), StartToken, EndToken];
        var vocabulary = new JsonObject(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));
        File.WriteAllText(Path.Combine(folder, "vocab.json"), vocabulary.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        Write(folder, new JsonObject
        {
            ["tokenizer_class"] = "CLIPTokenizer",
            ["model_max_length"] = ClipPositions,
            ["bos_token"] = StartToken,
            ["eos_token"] = EndToken,
            ["pad_token"] = EndToken,
            ["unk_token"] = EndToken,
            ["do_lower_case"] = true,
        });
    }

    /// <summary>Copies the golden data's SentencePiece model of 400 pieces.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="maxTokens">Longest sequence.</param>
    public static void WriteT5(string folder, int maxTokens)
    {
        Directory.CreateDirectory(folder);
        File.Copy(GoldenFolder.PathOf("tokenizers/spiece_small.model"), Path.Combine(folder, "spiece.model"), overwrite: true);
        Write(folder, new JsonObject
        {
            ["tokenizer_class"] = "T5Tokenizer",
            ["model_max_length"] = maxTokens,
            ["eos_token"] = "</s>",
            ["pad_token"] = "<pad>",
            ["unk_token"] = "<unk>",
            ["extra_ids"] = 0,
        });
    }

    /// <summary>
    /// The characters that stand for bytes in byte-level vocabularies: printable Latin-1 for themselves, in the order of their
    /// codes, then U+0100 and up for the others.
    /// </summary>
    private static IEnumerable<string> ByteNames()
    {
        const int FirstSubstitute = 0x100;
        var printable = Enumerable.Range(0, 256).Where(value => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE).ToList();
        var substitutes = Enumerable.Range(FirstSubstitute, 256 - printable.Count);
        return printable.Concat(substitutes).Select(code => ((char)code).ToString());
    }

    private static void Write(string folder, JsonObject config) => File.WriteAllText(
        Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
}
