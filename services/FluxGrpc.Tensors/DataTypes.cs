using FluxGrpc.V1;

namespace FluxGrpc.Tensors;

/// <summary>Facts about the element types on the wire.</summary>
public static class DataTypes
{
    /// <summary>Bytes of one element, or 0 where the type is unspecified or unknown.</summary>
    public static int ElementSize(DataType type) => type switch
    {
        DataType.Float32 or DataType.Int32 => 4,
        DataType.Bfloat16 or DataType.Float16 => 2,
        DataType.Int64 => 8,
        DataType.Uint8 => 1,
        _ => 0,
    };

    /// <summary>The name in the .proto file without its prefix, or the number of an unknown value: FLOAT32, BFLOAT16, 17.</summary>
    public static string Name(DataType type) => type switch
    {
        DataType.Unspecified => "UNSPECIFIED",
        _ => type.ToString().ToUpperInvariant(),
    };
}
