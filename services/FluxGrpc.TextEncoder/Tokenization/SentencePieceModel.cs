using Google.Protobuf;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>
/// A unigram SentencePiece model as T5 uses it (no start token, no byte fallback), from either of the files it is stored in.
/// Field numbers are those of <c>sentencepiece_model.proto</c>.
/// </summary>
internal sealed record SentencePieceModel
{
    /// <summary>Stands for a space in a piece.</summary>
    public const char Space = '\u2581';

    private const int MostPieces = 1 << 20;

    /// <summary>What a piece may stand for.</summary>
    public enum PieceKind
    {
        /// <summary>Text.</summary>
        Normal = 1,

        /// <summary>Whatever no piece stands for.</summary>
        Unknown = 2,

        /// <summary>Never found in text: end, padding, T5's <c>&lt;extra_id_0&gt;</c>.</summary>
        Control = 3,

        /// <summary>Text that is always one token.</summary>
        UserDefined = 4,

        /// <summary>Text that is not found.</summary>
        Unused = 5,

        /// <summary>A byte of unknown text, where a model falls back to bytes.</summary>
        Byte = 6,
    }

    /// <summary>The vocabulary by id.</summary>
    public required IReadOnlyList<Piece> Pieces { get; init; }

    /// <summary>Id of <c>&lt;unk&gt;</c>.</summary>
    public required int UnknownId { get; init; }

    /// <summary>Id of <c>&lt;/s&gt;</c>.</summary>
    public required int EndId { get; init; }

    /// <summary>Id of <c>&lt;pad&gt;</c>.</summary>
    public required int PaddingId { get; init; }

    /// <summary>The compiled rules of Unicode normalisation; empty for none.</summary>
    public required ByteString CharacterMap { get; init; }

    /// <summary>A space is put before the text.</summary>
    public bool AddDummyPrefix { get; init; } = true;

    /// <summary>Spaces at the ends are removed and inner ones made single.</summary>
    public bool RemoveExtraWhiteSpace { get; init; } = true;

    /// <summary>Reads <c>spiece.model</c>.</summary>
    /// <exception cref="InvalidDataException">Not such a model.</exception>
    public static SentencePieceModel ReadModel(string path)
    {
        try
        {
            return SentencePieceProtobuf.Parse(TokenizerFiles.ReadBytes(path)).Checked(path);
        }
        catch (Exception exception) when (exception is InvalidProtocolBufferException or FormatException)
        {
            throw TokenizerFiles.Broken(path, "is not a SentencePiece model of T5's kind", exception);
        }
    }

    /// <summary>Reads Hugging Face's <c>tokenizer.json</c>.</summary>
    /// <exception cref="InvalidDataException">Not such a model.</exception>
    public static SentencePieceModel ReadTokenizerJson(string path)
    {
        using var document = TokenizerFiles.ReadJson(path);
        try
        {
            return TokenizerJson.Parse(document.RootElement).Checked(path);
        }
        catch (Exception exception) when (exception is FormatException or KeyNotFoundException or InvalidOperationException
            or IndexOutOfRangeException)
        {
            throw TokenizerFiles.Broken(path, "is not a unigram tokenizer of T5's kind", exception);
        }
    }

    /// <summary>The model in SentencePiece's own format.</summary>
    public byte[] ToProtobuf() => SentencePieceProtobuf.Write(this);

    private SentencePieceModel Checked(string path)
    {
        if (Pieces.Count is < 3 or > MostPieces)
            throw TokenizerFiles.Broken(path, $"has {Pieces.Count} pieces; allowed: 3 to {MostPieces}");
        foreach (var (name, id) in ((string, int)[])[("unknown", UnknownId), ("end", EndId), ("padding", PaddingId)])
        {
            if (id < 0 || id >= Pieces.Count)
                throw TokenizerFiles.Broken(path, $"gives the {name} token the id {id}; allowed: 0 to {Pieces.Count - 1}");
        }

        for (var id = 0; id < Pieces.Count; id++)
        {
            if (Pieces[id].Text.Length == 0 || !float.IsFinite(Pieces[id].Score))
                throw TokenizerFiles.Broken(path, $"has piece {id} '{Pieces[id].Text}' with score {Pieces[id].Score}");
        }

        return this;
    }

    /// <summary>One entry of the vocabulary.</summary>
    /// <param name="Text">The text, <see cref="Space"/> for a space.</param>
    /// <param name="Score">Logarithm of its probability.</param>
    /// <param name="Kind">What it may stand for.</param>
    public readonly record struct Piece(string Text, float Score, PieceKind Kind);
}
