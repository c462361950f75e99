using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>
/// T5's tokenizer: a SentencePiece unigram model, from <c>spiece.model</c> or <c>tokenizer.json</c>. Safe for use by several threads.
/// </summary>
public sealed partial class T5Tokenizer
{
    // More than all scripts' letters: a broken character map shows at the start, not in somebody's request.
    private const char LastProbed = '\uFFFD';

    private readonly SentencePieceTokenizer _pieces;
    private readonly SentencePieceModel _model;

    private T5Tokenizer(SentencePieceTokenizer pieces, SentencePieceModel model, string digest, int? modelMaxLength)
    {
        _pieces = pieces;
        _model = model;
        Digest = digest;
        ModelMaxLength = modelMaxLength;
    }

    /// <summary>Id of <c>&lt;/s&gt;</c>, which ends each prompt.</summary>
    public int EndId => _model.EndId;

    /// <summary>Id that fills a sequence up; the model attends to it like to any other.</summary>
    public int PaddingId => _model.PaddingId;

    /// <summary>Highest id + 1.</summary>
    public int VocabularySize => _model.Pieces.Count;

    /// <summary>Digest of the model: equal where all prompts give equal ids.</summary>
    public string Digest { get; }

    /// <summary>Longest sequence by <c>tokenizer_config.json</c>, or null where it names none.</summary>
    public int? ModelMaxLength { get; }

    /// <summary>
    /// Reads a SentencePiece model, a <c>tokenizer.json</c>, or a folder with either (the former where both are there) and,
    /// perhaps, <c>tokenizer_config.json</c>.
    /// </summary>
    /// <exception cref="InvalidDataException">A file is broken; the message names it.</exception>
    /// <exception cref="IOException">A file is missing or not readable.</exception>
    public static T5Tokenizer Load(string path)
    {
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var file = Directory.Exists(path) ? FindModel(path) : path;
        var model = file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            ? SentencePieceModel.ReadTokenizerJson(file)
            : SentencePieceModel.ReadModel(file);
        try
        {
            var protobuf = model.ToProtobuf();
            var pieces = SentencePieceTokenizer.Create(
                new MemoryStream(protobuf), addBeginningOfSentence: false, addEndOfSentence: true);
            Probe(pieces);
            var digest = Convert.ToHexStringLower(SHA256.HashData(protobuf));
            return new T5Tokenizer(pieces, model, digest, TokenizerConfig.Read(folder).ModelMaxLength);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw TokenizerFiles.Broken(file, "is not a usable SentencePiece model", exception);
        }
    }

    /// <summary>Turns a prompt into ids: the prompt, end, padding.</summary>
    /// <param name="prompt">Any text, also none.</param>
    /// <param name="length">Length L to cut or pad to, at least 1; a prompt that is cut keeps the end token last.</param>
    public TokenSequence Encode(string prompt, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var encoded = _pieces.EncodeToTokens(DroppedCharacters().Replace(prompt, ""), out var normalized,
            addBeginningOfSentence: false, addEndOfSentence: false);
        var tokens = MergeUnknown(encoded);
        var kept = Math.Min(tokens.Count, length - 1);
        var ids = new int[length];
        Array.Fill(ids, PaddingId);
        for (var i = 0; i < kept; i++)
            ids[i] = tokens[i].Id;
        ids[kept] = EndId;
        var dropped = kept == tokens.Count ? "" : normalized![tokens[kept].Offset.Start.Value..];
        return new TokenSequence(ids, tokens.Count + 1,
            dropped.Replace(SentencePieceModel.Space, ' ').Trim(),
            [.. tokens.Take(kept).Select(token => token.Value), _model.Pieces[EndId].Text]);
    }

    /// <summary>SentencePiece makes one token of a run of unknown characters; the library makes one of each.</summary>
    private List<EncodedToken> MergeUnknown(IReadOnlyList<EncodedToken> encoded)
    {
        var tokens = new List<EncodedToken>(encoded.Count);
        for (var last = 0; last < encoded.Count; last++)
        {
            var first = last;
            while (encoded[first].Id == _model.UnknownId && last + 1 < encoded.Count && encoded[last + 1].Id == _model.UnknownId)
                last++;
            tokens.Add(first == last ? encoded[first] : Merge(encoded, first, last));
        }

        return tokens;
    }

    private static EncodedToken Merge(IReadOnlyList<EncodedToken> tokens, int first, int last)
    {
        var text = new StringBuilder();
        for (var i = first; i <= last; i++)
            text.Append(tokens[i].Value);
        return new EncodedToken(tokens[first].Id, text.ToString(), tokens[first].Offset.Start..tokens[last].Offset.End);
    }

    private static void Probe(SentencePieceTokenizer pieces)
    {
        var characters = Enumerable.Range(0, LastProbed + 1).Select(code => (char)code).Where(code => !char.IsSurrogate(code));
        pieces.EncodeToIds(string.Concat(characters), addBeginningOfSentence: false, addEndOfSentence: false);
    }

    // The rules of nmt_nfkc map these to nothing, which the library takes for "no rule".
    [GeneratedRegex(@"[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]")]
    private static partial Regex DroppedCharacters();

    private static string FindModel(string folder)
    {
        var model = Path.Combine(folder, "spiece.model");
        return File.Exists(model) ? model : Path.Combine(folder, "tokenizer.json");
    }
}
