using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>
/// CLIP's tokenizer: byte-pair encoding of the lower-cased prompt, from <c>vocab.json</c> and <c>merges.txt</c>. Reference:
/// <c>SimpleTokenizer</c>, as Hugging Face runs it: without unescaping HTML. Safe for use by several threads.
/// </summary>
public sealed partial class ClipTokenizer
{
    private const string StartToken = "<|startoftext|>";
    private const string EndToken = "<|endoftext|>";

    private readonly BpeTokenizer _bytePairs;

    // The library's tokenizer fills a dictionary as it meets new characters.
    private readonly Lock _oneAtATime = new();

    private ClipTokenizer(BpeTokenizer bytePairs, Dictionary<string, int> vocabulary, string digest, TokenizerConfig config)
    {
        _bytePairs = bytePairs;
        Digest = digest;
        StartId = vocabulary[StartToken];
        EndId = vocabulary[EndToken];
        PaddingId = config.PadToken is { } padding && vocabulary.TryGetValue(padding, out var id) ? id : EndId;
        VocabularySize = vocabulary.Values.Max() + 1;
    }

    /// <summary>Id of <c>&lt;|startoftext|&gt;</c>, the first of each sequence.</summary>
    public int StartId { get; }

    /// <summary>Id of <c>&lt;|endoftext|&gt;</c>, which ends each prompt.</summary>
    public int EndId { get; }

    /// <summary>Id that fills a sequence up.</summary>
    public int PaddingId { get; }

    /// <summary>Highest id + 1.</summary>
    public int VocabularySize { get; }

    /// <summary>Digest of both files: equal where all prompts give equal ids.</summary>
    public string Digest { get; }

    /// <summary>Reads a folder with <c>vocab.json</c> and <c>merges.txt</c>, and <c>tokenizer_config.json</c> where there is one.</summary>
    /// <exception cref="InvalidDataException">A file is broken; the message names it.</exception>
    /// <exception cref="IOException">A file is missing or not readable.</exception>
    public static ClipTokenizer Load(string folder)
    {
        var vocabularyPath = Path.Combine(folder, "vocab.json");
        var mergesPath = Path.Combine(folder, "merges.txt");
        var vocabulary = ReadVocabulary(vocabularyPath);
        var merges = TokenizerFiles.ReadBytes(mergesPath);
        var specialTokens = new Dictionary<string, int>
        {
            [StartToken] = vocabulary[StartToken],
            [EndToken] = vocabulary[EndToken],
        };
        try
        {
            var bytePairs = BpeTokenizer.Create(new BpeOptions(vocabulary)
            {
                Merges = ReadMerges(merges),
                SpecialTokens = specialTokens,
                EndOfWordSuffix = "</w>",
                ByteLevel = true,
                UnknownToken = EndToken,
                PreTokenizer = new ClipWordSplitter(specialTokens.Keys),
            });
            var digest = Convert.ToHexStringLower(SHA256.HashData([.. TokenizerFiles.ReadBytes(vocabularyPath), .. merges]));
            return new ClipTokenizer(bytePairs, vocabulary, digest, TokenizerConfig.Read(folder));
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            throw TokenizerFiles.Broken(mergesPath, "does not fit vocab.json beside it", exception);
        }
    }

    /// <summary>Turns a prompt into ids: start, the prompt, end, padding.</summary>
    /// <param name="prompt">Any text, also none.</param>
    /// <param name="length">Length L to cut or pad to, at least 2; a prompt that is cut keeps the end token last.</param>
    public TokenSequence Encode(string prompt, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        var text = Clean(prompt);
        IReadOnlyList<EncodedToken> tokens;
        lock (_oneAtATime)
            tokens = _bytePairs.EncodeToTokens(text, out _);

        var kept = Math.Min(tokens.Count, length - 2);
        var ids = new int[length];
        Array.Fill(ids, PaddingId);
        ids[0] = StartId;
        for (var i = 0; i < kept; i++)
            ids[i + 1] = tokens[i].Id;
        ids[kept + 1] = EndId;
        return new TokenSequence(ids, tokens.Count + 2,
            kept == tokens.Count ? "" : text[tokens[kept].Offset.Start.Value..],
            [StartToken, .. tokens.Take(kept).Select(token => token.Value), EndToken]);
    }

    /// <summary>Composed, lower-cased, white space made single.</summary>
    private static string Clean(string prompt)
    {
        var spaced = WhiteSpace().Replace(CanonicalComposition.Compose(prompt), " ").Trim();
        // The one character whose lower case is two, which .NET leaves alone.
        return spaced.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();

    private static Dictionary<string, int> ReadVocabulary(string path)
    {
        using var document = TokenizerFiles.ReadJson(path);
        var vocabulary = new Dictionary<string, int>();
        var ids = new HashSet<int>();
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            var token = TokenOf(entry, path);
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id < 0)
                throw TokenizerFiles.Broken(path, $"gives '{token}' something else than an id; allowed: 0 to {int.MaxValue}");
            if (!vocabulary.TryAdd(token, id) || !ids.Add(id))
                throw TokenizerFiles.Broken(path, $"has the token '{token}' or the id {id} twice");
        }

        foreach (var token in (string[])[StartToken, EndToken])
        {
            if (!vocabulary.ContainsKey(token))
                throw TokenizerFiles.Broken(path, $"lacks the token {token}");
        }

        return vocabulary;
    }

    /// <summary>JSON that is parsed may still hold names that are no Unicode.</summary>
    private static string TokenOf(JsonProperty entry, string path)
    {
        try
        {
            return entry.Name;
        }
        catch (InvalidOperationException exception)
        {
            throw TokenizerFiles.Broken(path, "has a token that is not Unicode", exception);
        }
    }

    private static IEnumerable<string> ReadMerges(byte[] file) => Encoding.UTF8.GetString(file)
        .Split('\n')
        .Select(line => line.TrimEnd('\r'))
        .Where((line, index) => line.Length > 0 && !(index == 0 && line.StartsWith("#version", StringComparison.Ordinal)));
}
