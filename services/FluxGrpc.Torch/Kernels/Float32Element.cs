using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FluxGrpc.Torch.Kernels;

/// <summary>float32.</summary>
internal readonly unsafe struct Float32Element : IVectorElement
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, nint index) => Vector256.Load((float*)row + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, nint index, Vector256<float> values) => values.Store((float*)row + index);
}
