using System.Text.Encodings.Web;
using System.Text.Json;

namespace FluxGrpc.Training.Tokenizers;

/// <summary>
/// Makes CLIP's vocabulary by byte-pair encoding: the printable characters of ASCII in lower case, alone and at the end of a word, then
/// merges of the most frequent pairs until each word of the captions is one token. Bytes of other characters, which no caption has, are
/// left out: each would be an embedding that training never touches.
/// </summary>
internal static class BytePairVocabulary
{
    private const string EndOfWord = "</w>";
    private static readonly JsonSerializerOptions _readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    /// <param name="words">Words and punctuation marks with their counts; ASCII.</param>
    /// <param name="folder">Folder of the files.</param>
    public static void Write(IReadOnlyDictionary<string, int> words, string folder)
    {
        var merges = Merges(words);
        var characters = Characters().ToArray();
        var tokens = characters.Concat(characters.Select(symbol => symbol + EndOfWord))
            .Concat(merges.Select(merge => merge.First + merge.Second))
            .Concat(["<|startoftext|>", "<|endoftext|>"]);
        var vocabulary = tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(vocabulary, _readable));
        File.WriteAllText(Path.Combine(folder, "merges.txt"),
            "#version: 0.2\n" + string.Concat(merges.Select(merge => $"{merge.First} {merge.Second}\n")));
    }

    private static List<(string First, string Second)> Merges(IReadOnlyDictionary<string, int> words)
    {
        var spelled = words.GroupBy(word => word.Key.ToLowerInvariant())
            .Select(group => (Symbols: Spell(group.Key), Count: group.Sum(word => word.Value)))
            .ToList();
        var merges = new List<(string First, string Second)>();
        while (MostFrequentPair(spelled) is { } pair)
        {
            merges.Add(pair);
            foreach (var (symbols, _) in spelled)
                Merge(symbols, pair);
        }

        return merges;
    }

    private static List<string> Spell(string word)
    {
        var symbols = word.Select(letter => letter.ToString()).ToList();
        symbols[^1] += EndOfWord;
        return symbols;
    }

    private static (string First, string Second)? MostFrequentPair(List<(List<string> Symbols, int Count)> words)
    {
        var counts = new Dictionary<(string, string), int>();
        foreach (var (symbols, count) in words)
        {
            for (var i = 0; i + 1 < symbols.Count; i++)
                counts[(symbols[i], symbols[i + 1])] = counts.GetValueOrDefault((symbols[i], symbols[i + 1])) + count;
        }

        return counts.Count == 0 ? null : counts
            .OrderByDescending(pair => pair.Value)
            .ThenBy(pair => $"{pair.Key.Item1} {pair.Key.Item2}", StringComparer.Ordinal)
            .First().Key;
    }

    private static void Merge(List<string> symbols, (string First, string Second) pair)
    {
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            if (symbols[i] != pair.First || symbols[i + 1] != pair.Second)
                continue;
            symbols[i] += symbols[i + 1];
            symbols.RemoveAt(i + 1);
        }
    }

    private static IEnumerable<string> Characters() =>
        Enumerable.Range('!', '~' - '!' + 1).Where(code => code is < 'A' or > 'Z').Select(code => ((char)code).ToString());
}
