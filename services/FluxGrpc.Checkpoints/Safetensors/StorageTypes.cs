using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>What is to be known of a <see cref="StorageType"/>: its name in the format, its size, libtorch's number for it.</summary>
public static class StorageTypes
{
    // libtorch's numbers for the types that TorchSharp has no name for.
    private const sbyte TorchFloat8E5M2 = 23;
    private const sbyte TorchUInt16 = 27;
    private const sbyte TorchUInt32 = 28;
    private const sbyte TorchUInt64 = 29;

    private static readonly Dictionary<StorageType, Traits> _traits = new()
    {
        [StorageType.Bool] = new("BOOL", 1, (sbyte)ScalarType.Bool),
        [StorageType.UInt8] = new("U8", 1, (sbyte)ScalarType.Byte),
        [StorageType.Int8] = new("I8", 1, (sbyte)ScalarType.Int8),
        [StorageType.UInt16] = new("U16", 2, TorchUInt16),
        [StorageType.Int16] = new("I16", 2, (sbyte)ScalarType.Int16),
        [StorageType.UInt32] = new("U32", 4, TorchUInt32),
        [StorageType.Int32] = new("I32", 4, (sbyte)ScalarType.Int32),
        [StorageType.UInt64] = new("U64", 8, TorchUInt64),
        [StorageType.Int64] = new("I64", 8, (sbyte)ScalarType.Int64),
        [StorageType.Float8E4M3Fn] = new("F8_E4M3", 1, NativeTensor.Float8E4M3Fn),
        [StorageType.Float8E5M2] = new("F8_E5M2", 1, TorchFloat8E5M2),
        [StorageType.Float16] = new("F16", 2, (sbyte)ScalarType.Float16),
        [StorageType.BFloat16] = new("BF16", 2, (sbyte)ScalarType.BFloat16),
        [StorageType.Float32] = new("F32", 4, (sbyte)ScalarType.Float32),
        [StorageType.Float64] = new("F64", 8, (sbyte)ScalarType.Float64),
    };

    private static readonly Dictionary<string, StorageType> _byName = _traits.ToDictionary(pair => pair.Value.Name, pair => pair.Key);

    private static readonly Dictionary<sbyte, StorageType> _byTorch = _traits.ToDictionary(pair => pair.Value.Torch, pair => pair.Key);

    /// <summary>The format's name: "BF16".</summary>
    public static string FormatName(this StorageType type) => _traits[type].Name;

    /// <summary>Bytes of an element.</summary>
    public static int SizeInBytes(this StorageType type) => _traits[type].Size;

    /// <summary>The type that a libtorch tensor is stored as.</summary>
    /// <exception cref="ArgumentException">The format has no such type (complex numbers).</exception>
    public static StorageType FromTorch(ScalarType type) => _byTorch.TryGetValue((sbyte)type, out var storage)
        ? storage
        : throw new ArgumentException($"safetensors files have no element type for {type}", nameof(type));

    /// <summary>True for the types that weights are stored in.</summary>
    internal static bool IsFloatingPoint(this StorageType type) => type >= StorageType.Float8E4M3Fn;

    /// <summary>libtorch's number of the type, also where <see cref="ScalarType"/> has no name for it.</summary>
    internal static sbyte ToTorch(this StorageType type) => _traits[type].Torch;

    internal static bool TryParse(string name, out StorageType type) => _byName.TryGetValue(name, out type);

    private sealed record Traits(string Name, int Size, sbyte Torch);
}
