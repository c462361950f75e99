using FluxGrpc.Checkpoints;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;

namespace FluxGrpc.Cli.Verification;

/// <summary>A dense array of float32, row-major.</summary>
/// <param name="Shape">Dimensions, slowest first.</param>
/// <param name="Values">Elements.</param>
internal sealed record FloatArray(IReadOnlyList<long> Shape, float[] Values)
{
    /// <summary>Length of the first dimension.</summary>
    public int Count => (int)Shape[0];

    /// <summary>Reads an array of a file, widened to float32 where it is stored smaller.</summary>
    /// <exception cref="InvalidDataException">It is not there, is empty, or is not of numbers that fit.</exception>
    public static FloatArray Read(SafetensorsFile file, string name)
    {
        var bytes = file.Bytes(name);
        var entry = file.Tensors[name];
        if (entry.Shape.Count == 0 || entry.ElementCount == 0)
            throw new InvalidDataException($"{file.Name} has {entry}; one or more dimensions and elements are needed");
        var type = entry.Type switch
        {
            StorageType.Float32 => DataType.Float32,
            StorageType.BFloat16 => DataType.Bfloat16,
            StorageType.Float16 => DataType.Float16,
            StorageType.UInt8 => DataType.Uint8,
            _ => throw new InvalidDataException($"{file.Name} has {entry}; allowed: F32, BF16, F16, U8"),
        };
        return new FloatArray(entry.Shape, ToFloats(new Tensor { DataType = type, Data = ByteString.CopyFrom(bytes) }));
    }

    /// <summary>What a service sent.</summary>
    public static FloatArray From(Tensor message) => new([.. message.Shape], ToFloats(message));

    /// <summary>Arrays [1, …] of one shape, one after another: [B, …].</summary>
    public static FloatArray Stack(IReadOnlyList<FloatArray> elements)
    {
        if (elements.Any(element => !element.Shape.SequenceEqual(elements[0].Shape)))
            throw new InvalidDataException("the elements of a batch came back in different shapes");
        return new FloatArray(
            [elements[0].Shape[0] * elements.Count, .. elements[0].Shape.Skip(1)], [.. elements.SelectMany(element => element.Values)]);
    }

    /// <summary>One element of the first dimension: [1, …].</summary>
    public FloatArray Element(int index)
    {
        if (index >= Count)
            throw new InvalidDataException($"an array of shape {Tensors.Shape.Format(Shape)} has no element {index} to go with the others");
        var length = Values.Length / Count;
        return new FloatArray([1, .. Shape.Skip(1)], Values[(index * length)..((index + 1) * length)]);
    }

    /// <summary>As a message.</summary>
    public Tensor ToMessage() => TensorMessage.FromFloats(Values, [.. Shape]);

    private static float[] ToFloats(Tensor message) => message.DataType == DataType.Uint8
        ? Array.ConvertAll(message.Data.ToByteArray(), level => (float)level)
        : TensorMessage.ToFloats(message);
}
