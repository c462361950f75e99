using System.Runtime.Intrinsics;

namespace FluxGrpc.Torch.Kernels;

/// <summary>How eight adjacent elements of a type become float32 and come back.</summary>
internal unsafe interface IVectorElement
{
    /// <summary>Bytes of an element.</summary>
    static abstract int Size { get; }

    /// <summary>Reads eight elements, the first of which is number <paramref name="index"/>.</summary>
    static abstract Vector256<float> Load(byte* row, nint index);

    /// <summary>Writes eight elements, rounded to nearest, ties to even.</summary>
    static abstract void Store(byte* row, nint index, Vector256<float> values);
}
