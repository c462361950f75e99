using System.Collections;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace FluxGrpc.UnitTests.Fuzzing;

/// <summary>Draws messages by their descriptors: every field may be absent, plausible, at an edge, or nonsense.</summary>
internal sealed class MessageDraw(Random random)
{
    private const int MostElements = 1 << 12;
    private const int MostDepth = 4;

    private static readonly long[] _integers =
    [
        0, 1, -1, 2, 3, 4, 5, 8, 15, 16, 17, 28, 64, 77, 100, 128, 256, 512, 513, 2048, 16_384,
        int.MaxValue, int.MinValue, long.MaxValue, long.MinValue,
    ];

    private static readonly double[] _floats =
        [0, 1, -1, 0.5, 0.999, 3.5, 100, -0.0, 1e-45, 1e-30, 3.4e38, double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    private static readonly string[] _texts =
    [
        "", "a", "a red circle left of a blue square", "a\nb", "\0", " ", "e\u0301", "日本語のテキスト", "👩\u200d👧", "<|endoftext|>",
        "<pad></s>▁", "../../etc", "{}",
    ];

    private static readonly byte[][] _files = [[], [0], .. Corpus.Pictures];

    /// <summary>A message in which each field is drawn.</summary>
    public IMessage Draw(MessageDescriptor type, int depth = 0)
    {
        if (type == Tensor.Descriptor)
            return DrawTensor();
        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            if (random.Next(3) > 0)
                Redraw(message, field, depth);
        }

        return message;
    }

    /// <summary>A copy of a message in which a few fields, somewhere in it, are drawn anew.</summary>
    public T Spoil<T>(T message)
        where T : IMessage<T>
    {
        var copy = (T)message.Descriptor.Parser.ParseFrom(message.ToByteString());
        for (var count = random.Next(4); count > 0; count--)
            SpoilOnce(copy);
        return copy;
    }

    private void SpoilOnce(IMessage message)
    {
        var fields = message.Descriptor.Fields.InDeclarationOrder();
        if (fields.Count == 0)
            return;
        var field = fields[random.Next(fields.Count)];
        if (field is { FieldType: FieldType.Message, IsRepeated: false, IsMap: false } && random.Next(4) > 0
            && field.Accessor.GetValue(message) is IMessage inner)
        {
            SpoilOnce(inner);
        }
        else
        {
            Redraw(message, field, depth: 1);
        }
    }

    private void Redraw(IMessage message, FieldDescriptor field, int depth)
    {
        if (field.IsMap)
            return;
        if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            list.Clear();
            for (var count = random.Next(8) == 0 ? random.Next(600) : random.Next(6); count > 0; count--)
                list.Add(Value(field, depth));
        }
        else if (random.Next(8) == 0 || (field.FieldType == FieldType.Message && depth == MostDepth))
        {
            field.Accessor.Clear(message);
        }
        else
        {
            field.Accessor.SetValue(message, Value(field, depth));
        }
    }

    private object Value(FieldDescriptor field, int depth) => field.FieldType switch
    {
        FieldType.Bool => random.Next(2) == 0,
        FieldType.String => Text(),
        FieldType.Bytes => ByteString.CopyFrom(_files[random.Next(_files.Length)]),
        FieldType.Float => (float)Number(),
        FieldType.Double => Number(),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => unchecked((int)Integer()),
        FieldType.UInt32 or FieldType.Fixed32 => unchecked((uint)Integer()),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => Integer(),
        FieldType.UInt64 or FieldType.Fixed64 => unchecked((ulong)Integer()),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, random.Next(4) == 0 ? random.Next() : random.Next(8)),
        FieldType.Message => Draw(field.MessageType, depth + 1),
        _ => throw new NotSupportedException($"{field.FullName} is of type {field.FieldType}"),
    };

    private long Integer() => random.Next(4) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64) : Pick(_integers);

    private double Number() => random.Next(3) == 0 ? random.NextDouble() : Pick(_floats);

    private string Text() => random.Next(6) == 0 ? string.Concat(Enumerable.Repeat(Pick(_texts), random.Next(2000))) : Pick(_texts);

    /// <summary>A tensor whose type, shape and bytes agree, or nearly, or not at all.</summary>
    private Tensor DrawTensor()
    {
        var tensor = new Tensor { DataType = (DataType)random.Next(10) };
        var elements = 1L;
        for (var rank = random.Next(6); rank > 0; rank--)
        {
            var dimension = random.Next(5) == 0 ? Integer() : random.Next(1, 20);
            tensor.Shape.Add(dimension);
            elements = unchecked(elements * dimension);
        }

        var size = Math.Clamp(unchecked(elements * Pick([1L, 2, 4, 8])), 0, MostElements) + (random.Next(4) == 0 ? random.Next(3) : 0);
        var bytes = new byte[size];
        if (random.Next(2) == 0)
            random.NextBytes(bytes);
        tensor.Data = ByteString.CopyFrom(bytes);
        return tensor;
    }

    private T Pick<T>(T[] from) => from[random.Next(from.Length)];
}
