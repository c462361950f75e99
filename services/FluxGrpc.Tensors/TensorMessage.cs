using System.Buffers.Binary;
using System.Runtime.InteropServices;
using FluxGrpc.V1;
using Google.Protobuf;

namespace FluxGrpc.Tensors;

/// <summary>Makes, checks and reads tensors on the wire, without libtorch. All spans are row-major.</summary>
public static class TensorMessage
{
    /// <summary>Describes what is wrong with a tensor that came over the wire, before anything is allocated for it.</summary>
    /// <param name="tensor">The message, or null where the field was absent.</param>
    /// <param name="allowed">Element types that the field takes.</param>
    /// <returns>Null where bytes, dimensions and type agree.</returns>
    public static string? Problem(Tensor? tensor, params ReadOnlySpan<DataType> allowed)
    {
        if (tensor is null)
            return "is missing; required";
        if (!allowed.Contains(tensor.DataType))
            return $"has data_type {DataTypes.Name(tensor.DataType)}; allowed: {Names(allowed)}";
        if (tensor.Shape.Count > Shape.MaxRank)
            return $"has {tensor.Shape.Count} dimensions; allowed: at most {Shape.MaxRank}";
        foreach (var dimension in tensor.Shape)
        {
            if (dimension < 1)
                return $"has dimension {dimension} in shape {Shape.Format(tensor.Shape)}; allowed: 1 or more";
        }

        if (!Shape.TryCount(tensor.Shape.Append(DataTypes.ElementSize(tensor.DataType)), out var bytes))
            return $"has shape {Shape.Format(tensor.Shape)}, whose product overflows";
        if (bytes != tensor.Data.Length)
        {
            return $"has {tensor.Data.Length} bytes; shape {Shape.Format(tensor.Shape)} of {DataTypes.Name(tensor.DataType)} "
                + $"takes {bytes}";
        }

        return null;
    }

    /// <summary>As <see cref="Problem(Tensor?, ReadOnlySpan{DataType})"/> for FLOAT32 or BFLOAT16, and every element finite.</summary>
    public static string? ProblemOfFinite(Tensor? tensor) =>
        Problem(tensor, DataType.Float32, DataType.Bfloat16)
        ?? (AllFinite(tensor!) ? null : "holds NaN or infinity; allowed: finite values");

    /// <summary>Wraps float32 values as a message; the bytes are copied once.</summary>
    public static Tensor FromFloats(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Create(DataType.Float32, ByteString.CopyFrom(MemoryMarshal.AsBytes(values)), shape);

    /// <summary>Wraps memory as a message without a copy: the memory must stay as it is until the message is sent.</summary>
    public static Tensor Wrap(DataType type, ReadOnlyMemory<byte> data, params ReadOnlySpan<long> shape) =>
        Create(type, UnsafeByteOperations.UnsafeWrap(data), shape);

    /// <summary>The values of a valid FLOAT32 tensor, not copied.</summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public static ReadOnlySpan<float> Floats(Tensor tensor) => tensor.DataType == DataType.Float32
        ? MemoryMarshal.Cast<byte, float>(tensor.Data.Span)
        : throw new ArgumentException($"data_type is {DataTypes.Name(tensor.DataType)}, not FLOAT32", nameof(tensor));

    /// <summary>The values of a valid FLOAT32, BFLOAT16 or FLOAT16 tensor as float32, copied.</summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public static float[] ToFloats(Tensor tensor)
    {
        if (tensor.DataType == DataType.Float32)
            return Floats(tensor).ToArray();

        var bytes = tensor.Data.Span;
        var values = new float[bytes.Length / 2];
        for (var i = 0; i < values.Length; i++)
        {
            var bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
            values[i] = tensor.DataType switch
            {
                DataType.Bfloat16 => BitConverter.UInt32BitsToSingle((uint)bits << 16),
                DataType.Float16 => (float)BitConverter.UInt16BitsToHalf(bits),
                _ => throw new ArgumentException($"data_type is {DataTypes.Name(tensor.DataType)}, not a float", nameof(tensor)),
            };
        }

        return values;
    }

    /// <summary>False where a FLOAT32, BFLOAT16 or FLOAT16 tensor holds NaN or infinity.</summary>
    public static bool AllFinite(Tensor tensor) => tensor.DataType switch
    {
        DataType.Float32 => AllExponentsBelow(MemoryMarshal.Cast<byte, uint>(tensor.Data.Span), 0x7F80_0000u),
        DataType.Bfloat16 => AllExponentsBelow(MemoryMarshal.Cast<byte, ushort>(tensor.Data.Span), 0x7F80),
        DataType.Float16 => AllExponentsBelow(MemoryMarshal.Cast<byte, ushort>(tensor.Data.Span), 0x7C00),
        _ => true,
    };

    // All bits of the exponent set means infinity or NaN.
    private static bool AllExponentsBelow(ReadOnlySpan<uint> values, uint exponent)
    {
        foreach (var value in values)
        {
            if ((value & exponent) == exponent)
                return false;
        }

        return true;
    }

    private static bool AllExponentsBelow(ReadOnlySpan<ushort> values, ushort exponent)
    {
        foreach (var value in values)
        {
            if ((value & exponent) == exponent)
                return false;
        }

        return true;
    }

    private static Tensor Create(DataType type, ByteString data, ReadOnlySpan<long> shape)
    {
        var message = new Tensor { DataType = type, Data = data };
        foreach (var dimension in shape)
            message.Shape.Add(dimension);
        return message;
    }

    private static string Names(ReadOnlySpan<DataType> types)
    {
        var names = new string[types.Length];
        for (var i = 0; i < types.Length; i++)
            names[i] = DataTypes.Name(types[i]);
        return string.Join(", ", names);
    }
}
