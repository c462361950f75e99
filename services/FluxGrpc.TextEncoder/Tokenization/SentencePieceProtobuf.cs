using Google.Protobuf;
using static Google.Protobuf.WireFormat;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>
/// The few fields of <c>sentencepiece_model.proto</c> that matter: pieces = 1 {text 1, score 2, kind 3}, trainer = 2 {algorithm 3,
/// byte fallback 35, ids from 40, their texts from 45}, normaliser = 3 {map 2, prefix 3, extra white space 4}.
/// </summary>
internal static class SentencePieceProtobuf
{
    private const int Unigram = 1;

    /// <summary>Reads a model.</summary>
    /// <exception cref="InvalidProtocolBufferException">Not a protobuf message.</exception>
    /// <exception cref="FormatException">A model of another kind.</exception>
    public static SentencePieceModel Parse(byte[] data)
    {
        var pieces = new List<SentencePieceModel.Piece>();
        var trainer = new Trainer(Unigram, UnknownId: 0, EndId: 2, PaddingId: -1, ByteFallback: false);
        var normalizer = new Normalizer(ByteString.Empty, AddDummyPrefix: true, RemoveExtraWhiteSpace: true);
        var input = new CodedInputStream(data);
        while (input.ReadTag() is not 0 and var tag)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 1:
                    pieces.Add(ReadPiece(Message(input)));
                    break;
                case 2:
                    trainer = ReadTrainer(Message(input), trainer);
                    break;
                case 3:
                    normalizer = ReadNormalizer(Message(input), normalizer);
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        if (trainer.Algorithm != Unigram || trainer.ByteFallback)
            throw new FormatException($"algorithm {trainer.Algorithm}, byte fallback {trainer.ByteFallback}; T5 has {Unigram}, False");
        return new SentencePieceModel
        {
            Pieces = pieces,
            UnknownId = trainer.UnknownId,
            EndId = trainer.EndId,
            PaddingId = trainer.PaddingId,
            CharacterMap = normalizer.CharacterMap,
            AddDummyPrefix = normalizer.AddDummyPrefix,
            RemoveExtraWhiteSpace = normalizer.RemoveExtraWhiteSpace,
        };
    }

    /// <summary>Writes a model. The start token, which T5 lacks and the library wants, is the end token under another name.</summary>
    public static byte[] Write(SentencePieceModel model)
    {
        using var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true))
        {
            foreach (var piece in model.Pieces)
                WriteMessage(output, 1, message => WritePiece(message, piece));
            WriteMessage(output, 2, message => WriteTrainer(message, model));
            WriteMessage(output, 3, message => WriteNormalizer(message, model));
        }

        return buffer.ToArray();
    }

    private static CodedInputStream Message(CodedInputStream input) => input.ReadBytes().CreateCodedInput();

    private static SentencePieceModel.Piece ReadPiece(CodedInputStream input)
    {
        var piece = new SentencePieceModel.Piece("", 0, SentencePieceModel.PieceKind.Normal);
        while (input.ReadTag() is not 0 and var tag)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 1:
                    piece = piece with { Text = input.ReadString() };
                    break;
                case 2:
                    piece = piece with { Score = input.ReadFloat() };
                    break;
                case 3:
                    piece = piece with { Kind = (SentencePieceModel.PieceKind)input.ReadEnum() };
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return piece;
    }

    private static Trainer ReadTrainer(CodedInputStream input, Trainer trainer)
    {
        while (input.ReadTag() is not 0 and var tag)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 3:
                    trainer = trainer with { Algorithm = input.ReadEnum() };
                    break;
                case 35:
                    trainer = trainer with { ByteFallback = input.ReadBool() };
                    break;
                case 40:
                    trainer = trainer with { UnknownId = input.ReadInt32() };
                    break;
                case 42:
                    trainer = trainer with { EndId = input.ReadInt32() };
                    break;
                case 43:
                    trainer = trainer with { PaddingId = input.ReadInt32() };
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return trainer;
    }

    private static Normalizer ReadNormalizer(CodedInputStream input, Normalizer normalizer)
    {
        while (input.ReadTag() is not 0 and var tag)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 2:
                    normalizer = normalizer with { CharacterMap = input.ReadBytes() };
                    break;
                case 3:
                    normalizer = normalizer with { AddDummyPrefix = input.ReadBool() };
                    break;
                case 4:
                    normalizer = normalizer with { RemoveExtraWhiteSpace = input.ReadBool() };
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return normalizer;
    }

    private static void WritePiece(CodedOutputStream output, SentencePieceModel.Piece piece)
    {
        output.WriteTag(1, WireType.LengthDelimited);
        output.WriteString(piece.Text);
        output.WriteTag(2, WireType.Fixed32);
        output.WriteFloat(piece.Score);
        output.WriteTag(3, WireType.Varint);
        output.WriteEnum((int)piece.Kind);
    }

    private static void WriteTrainer(CodedOutputStream output, SentencePieceModel model)
    {
        output.WriteTag(3, WireType.Varint);
        output.WriteEnum(Unigram);
        int[] ids = [model.UnknownId, model.EndId, model.EndId, model.PaddingId]; // unknown, start, end, padding
        for (var i = 0; i < ids.Length; i++)
        {
            output.WriteTag(40 + i, WireType.Varint);
            output.WriteInt32(ids[i]);
            output.WriteTag(45 + i, WireType.LengthDelimited);
            output.WriteString(model.Pieces[ids[i]].Text);
        }
    }

    private static void WriteNormalizer(CodedOutputStream output, SentencePieceModel model)
    {
        output.WriteTag(2, WireType.LengthDelimited);
        output.WriteBytes(model.CharacterMap);
        output.WriteTag(3, WireType.Varint);
        output.WriteBool(model.AddDummyPrefix);
        output.WriteTag(4, WireType.Varint);
        output.WriteBool(model.RemoveExtraWhiteSpace);
    }

    private static void WriteMessage(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        using var buffer = new MemoryStream();
        using (var message = new CodedOutputStream(buffer, leaveOpen: true))
            write(message);
        output.WriteTag(field, WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    private readonly record struct Trainer(int Algorithm, int UnknownId, int EndId, int PaddingId, bool ByteFallback);

    private readonly record struct Normalizer(ByteString CharacterMap, bool AddDummyPrefix, bool RemoveExtraWhiteSpace);
}
