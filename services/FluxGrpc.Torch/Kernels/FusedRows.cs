using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// What is computed token by token, each row read once from memory and written once; libtorch's operators one by one take up to
/// nine passes. All in float32, whatever the elements' type.
/// </summary>
internal abstract unsafe class FusedRows
{
    private static readonly FusedRows _float32 = new TypedRows<Float32Element>();
    private static readonly FusedRows _bfloat16 = new TypedRows<BFloat16Element>();

    /// <summary>Rows whose length is no multiple of this many elements are left to libtorch.</summary>
    public static int Width => Vector256<float>.Count;

    /// <summary>Bytes of an element.</summary>
    public abstract int ElementSize { get; }

    /// <summary>The loops for a type, float32 or bfloat16.</summary>
    public static FusedRows Of(ScalarType type) => type == ScalarType.Float32 ? _float32 : _bfloat16;

    /// <summary>Runs something for each row, on as many threads as libtorch computes with.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="bytes">Bytes read and written in all: little work is done by the caller alone.</param>
    /// <param name="threads">Threads that libtorch computes with.</param>
    /// <param name="body">Gets a row.</param>
    public static void ForEach(long rows, long bytes, int threads, Action<long> body) => ForRanges(rows, bytes, threads, (first, end) =>
    {
        for (var row = first; row < end; row++)
            body(row);
    });

    /// <summary>Runs something for ranges of rows, on as many threads as libtorch computes with.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="bytes">Bytes read and written in all: little work is done by the caller alone.</param>
    /// <param name="threads">Threads that libtorch computes with.</param>
    /// <param name="body">Gets the first row and the one after the last.</param>
    public static void ForRanges(long rows, long bytes, int threads, Action<long, long> body)
    {
        const long BytesWorthAThread = 1 << 15;
        var parts = Math.Clamp(Math.Min(bytes / BytesWorthAThread, rows), 1, threads);
        if (parts == 1)
            body(0, rows);
        else
            OmpThreads.Run((int)parts, threads, part => body(rows * part / parts, rows * (part + 1) / parts));
    }

    /// <summary>(1 + scale)·(x − mean)/√(variance + epsilon) + shift.</summary>
    public abstract void NormModulate(byte* x, byte* shift, byte* scale, byte* y, int size, float epsilon);

    /// <summary>Divides a head's elements by their root mean square, scales them, and turns each adjacent pair.</summary>
    /// <param name="x">Elements of one head of one token.</param>
    /// <param name="scale">Learned scale of each element.</param>
    /// <param name="turns">Cosine and sine for each pair.</param>
    /// <param name="y">Where the result goes.</param>
    /// <param name="size">Elements of a head.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    public abstract void NormTurn(byte* x, byte* scale, float* turns, byte* y, int size, float epsilon);

    /// <summary>x·scale/√(mean(x²) + epsilon).</summary>
    public abstract void RmsNorm(byte* x, byte* scale, byte* y, int size, float epsilon);

    /// <summary>exp(x + bias) divided by its sum; in place where y is x.</summary>
    public abstract void BiasedSoftmax(byte* x, float* bias, byte* y, int size);

    /// <summary>gelu(x)·factor, in its tanh form.</summary>
    public abstract void GatedGelu(byte* x, byte* factor, byte* y, int size);

    /// <summary>silu(x·factor + shift) of rows one after another, with a float32 factor and shift for each of their elements.</summary>
    public abstract void AffineSilu(byte* x, float* factor, float* shift, byte* y, int size, long rows);

    /// <summary>Sums of rows one after another and of their squares, element by element.</summary>
    public abstract void Moments(byte* x, float* sums, float* squares, int size, long rows);

    /// <summary>Rounds to uint8, so that the range of the elements and 0 takes all codes: x = step·(code − zero point).</summary>
    /// <param name="x">Elements that share a step.</param>
    /// <param name="codes">Where the codes go.</param>
    /// <param name="size">Number of elements.</param>
    /// <param name="zeroPoint">Code of 0.</param>
    /// <returns>The step; NaN where an element is.</returns>
    public abstract float RoundToUInt8(byte* x, byte* codes, int size, out float zeroPoint);

    /// <summary>
    /// Rounds to int8, so that of the elements 2i and 2i + 1 those of one sign have codes of at most 128 together: x = step·code.
    /// </summary>
    /// <param name="x">Elements that share a step.</param>
    /// <param name="codes">Where the codes go.</param>
    /// <param name="size">Number of elements.</param>
    /// <param name="sum">Sum of the codes.</param>
    /// <returns>The step; NaN where an element is.</returns>
    public abstract float RoundToInt8(byte* x, sbyte* codes, int size, out int sum);

    /// <summary>float8_e4m3fn times a factor.</summary>
    /// <param name="codes">Its bytes.</param>
    /// <param name="factor">For all elements; multiplied by in float32.</param>
    /// <param name="y">Where the result goes.</param>
    /// <param name="size">Number of elements.</param>
    public abstract void WidenFloat8(byte* codes, float factor, byte* y, int size);

    /// <summary>step·(product − zeroPoint·sum) + bias.</summary>
    /// <param name="products">float32.</param>
    /// <param name="step">For all elements.</param>
    /// <param name="zeroPoint">For all elements.</param>
    /// <param name="sums">For each element.</param>
    /// <param name="bias">For each element; null for none.</param>
    /// <param name="y">Where the result goes; may be <paramref name="products"/>.</param>
    /// <param name="size">Number of elements.</param>
    public abstract void Unround(float* products, float step, float zeroPoint, float* sums, byte* bias, byte* y, int size);

    /// <summary>GELU in its tanh form: x·σ(2·√(2/π)·(x + 0.044715·x³)).</summary>
    public abstract void Gelu(byte* x, byte* y, int size);
}
