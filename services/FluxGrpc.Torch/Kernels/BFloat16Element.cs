using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FluxGrpc.Torch.Kernels;

/// <summary>bfloat16: the upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Element : IVectorElement
{
    private const int LowerHalf = 16;
    private const uint AlmostHalf = 0x7FFF;
    private const uint QuietNaN = 0x0040_0000;

    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, nint index)
    {
        var halves = (ushort*)row + index;
        var wide = Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(halves).AsUInt32()
            : Vector256.Create(Vector128.WidenLower(Vector128.Load(halves)), Vector128.WidenUpper(Vector128.Load(halves)));
        return (wide << LowerHalf).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, nint index, Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var even = (bits >> LowerHalf) & Vector256<uint>.One;
        var rounded = bits + even + Vector256.Create(AlmostHalf);
        // Rounding could carry a NaN's mantissa into its sign.
        var whole = Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, bits | Vector256.Create(QuietNaN));
        var upper = whole >> LowerHalf;
        Vector128.Narrow(upper.GetLower(), upper.GetUpper()).Store((ushort*)row + index);
    }
}
