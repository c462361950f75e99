using FluxGrpc.TextEncoder.Tokenization;
using Google.Protobuf;
using static FluxGrpc.TextEncoder.Tokenization.SentencePieceModel;

namespace FluxGrpc.Training.Tokenizers;

/// <summary>Makes T5's vocabulary: a piece for each word of the captions, and letters to spell all other words with.</summary>
internal static class SentencePieceVocabulary
{
    private const float LetterScore = -20;
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"-()&/";

    /// <summary>Writes <c>spiece.model</c>: padding 0, end 1, unknown 2, then pieces.</summary>
    /// <param name="words">Words and punctuation marks with their counts.</param>
    /// <param name="path">File to write.</param>
    public static void Write(IReadOnlyDictionary<string, int> words, string path)
    {
        var pieces = new List<Piece>
        {
            new("<pad>", 0, PieceKind.Control),
            new("</s>", 0, PieceKind.Control),
            new("<unk>", 0, PieceKind.Unknown),
        };
        var total = (double)words.Values.Sum();
        var scores = words.OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal)
            .ToDictionary(word => char.IsLetter(word.Key[0]) ? Space + word.Key : word.Key, word => (float)Math.Log(word.Value / total));
        pieces.AddRange(scores.Select(piece => new Piece(piece.Key, piece.Value, PieceKind.Normal)));
        pieces.AddRange(Letters.Prepend(Space).Select(letter => letter.ToString()).Where(letter => !scores.ContainsKey(letter))
            .Select(letter => new Piece(letter, LetterScore, PieceKind.Normal)));
        var model = new SentencePieceModel
        {
            Pieces = pieces,
            PaddingId = 0,
            EndId = 1,
            UnknownId = 2,
            CharacterMap = ByteString.Empty,
        };
        File.WriteAllBytes(path, model.ToProtobuf());
    }
}
