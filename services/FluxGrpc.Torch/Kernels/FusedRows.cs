using System.Runtime.Intrinsics;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// What is computed token by token, each row read once from memory and written once; libtorch's operators one by one take up to
/// nine passes. All in float32, whatever the elements' type.
/// </summary>
internal static unsafe class FusedRows
{
    /// <summary>Rows whose length is no multiple of this many elements are left to libtorch.</summary>
    public static int Width => Vector256<float>.Count;

    /// <summary>(1 + scale)·(x − mean)/√(variance + epsilon) + shift.</summary>
    public static void NormModulate<T>(byte* x, byte* shift, byte* scale, byte* y, int size, float epsilon)
        where T : struct, IVectorElement
    {
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < size; i += Width)
            sum += T.Load(x, i);
        var mean = Vector256.Create(Vector256.Sum(sum) / size);

        var squares = Vector256<float>.Zero;
        for (var i = 0; i < size; i += Width)
        {
            var centered = T.Load(x, i) - mean;
            squares += centered * centered;
        }

        var inverse = Vector256.Create(1 / MathF.Sqrt(Vector256.Sum(squares) / size + epsilon));
        for (var i = 0; i < size; i += Width)
        {
            var normed = (T.Load(x, i) - mean) * inverse;
            T.Store(y, i, (T.Load(scale, i) + Vector256<float>.One) * normed + T.Load(shift, i));
        }
    }

    /// <summary>Divides a head's elements by their root mean square, scales them, and turns each adjacent pair.</summary>
    /// <param name="x">Elements of one head of one token.</param>
    /// <param name="scale">Learned scale of each element.</param>
    /// <param name="turns">Cosine and sine for each pair.</param>
    /// <param name="y">Where the result goes.</param>
    /// <param name="size">Elements of a head.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    public static void NormTurn<T>(byte* x, byte* scale, float* turns, byte* y, int size, float epsilon)
        where T : struct, IVectorElement
    {
        var inverse = Vector256.Create(1 / MathF.Sqrt(MeanSquare<T>(x, size) + epsilon));
        var signs = Vector256.Create(-1f, 1, -1, 1, -1, 1, -1, 1);
        for (var i = 0; i < size; i += Width)
        {
            var normed = T.Load(x, i) * inverse * T.Load(scale, i);
            var turn = Vector256.Load(turns + i);                                           // c₀ s₀ c₁ s₁ …
            var cosines = Vector256.Shuffle(turn, Vector256.Create(0, 0, 2, 2, 4, 4, 6, 6));
            var sines = Vector256.Shuffle(turn, Vector256.Create(1, 1, 3, 3, 5, 5, 7, 7)) * signs;
            var swapped = Vector256.Shuffle(normed, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));
            T.Store(y, i, normed * cosines + swapped * sines);
        }
    }

    /// <summary>x·scale/√(mean(x²) + epsilon).</summary>
    public static void RmsNorm<T>(byte* x, byte* scale, byte* y, int size, float epsilon)
        where T : struct, IVectorElement
    {
        var inverse = Vector256.Create(1 / MathF.Sqrt(MeanSquare<T>(x, size) + epsilon));
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, T.Load(x, i) * inverse * T.Load(scale, i));
    }

    /// <summary>exp(x + bias) divided by its sum; in place where y is x.</summary>
    public static void BiasedSoftmax<T>(byte* x, float* bias, byte* y, int size)
        where T : struct, IVectorElement
    {
        var largest = Vector256.Create(float.NegativeInfinity);
        for (var i = 0; i < size; i += Width)
            largest = Vector256.Max(largest, T.Load(x, i) + Vector256.Load(bias + i));
        var most = float.NegativeInfinity;
        for (var i = 0; i < Width; i++)
            most = MathF.Max(most, largest[i]);

        // Summed before the exponentials are rounded, so that the rounded ones need no second look.
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < size; i += Width)
            sum += Vector256.Exp(T.Load(x, i) + Vector256.Load(bias + i) - Vector256.Create(most));
        var inverse = Vector256.Create(1 / Vector256.Sum(sum));
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, Vector256.Exp(T.Load(x, i) + Vector256.Load(bias + i) - Vector256.Create(most)) * inverse);
    }

    /// <summary>gelu(x)·factor, in its tanh form.</summary>
    public static void GatedGelu<T>(byte* x, byte* factor, byte* y, int size)
        where T : struct, IVectorElement
    {
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, Gelu(T.Load(x, i)) * T.Load(factor, i));
    }

    /// <summary>silu(x·factor + shift), with float32 factors and shifts.</summary>
    public static void AffineSilu<T>(byte* x, float* factor, float* shift, byte* y, int size)
        where T : struct, IVectorElement
    {
        for (var i = 0; i < size; i += Width)
        {
            var values = T.Load(x, i) * Vector256.Load(factor + i) + Vector256.Load(shift + i);
            T.Store(y, i, values / (Vector256<float>.One + Vector256.Exp(-values)));
        }
    }

    /// <summary>Adds a row and its squares, element by element, to two sums.</summary>
    public static void AddMoments<T>(byte* x, float* sums, float* squares, int size)
        where T : struct, IVectorElement
    {
        for (var i = 0; i < size; i += Width)
        {
            var values = T.Load(x, i);
            (Vector256.Load(sums + i) + values).Store(sums + i);
            (Vector256.Load(squares + i) + values * values).Store(squares + i);
        }
    }

    /// <summary>GELU in its tanh form: x·σ(2·√(2/π)·(x + 0.044715·x³)).</summary>
    public static void Gelu<T>(byte* x, byte* y, int size)
        where T : struct, IVectorElement
    {
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, Gelu(T.Load(x, i)));
    }

    /// <summary>Runs something for each row, on as many threads as libtorch computes with.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="bytes">Bytes read and written in all: little work is done by the caller alone.</param>
    /// <param name="threads">Threads at most.</param>
    /// <param name="body">Gets the first row and the one after the last.</param>
    public static void ForEach(long rows, long bytes, int threads, Action<long, long> body)
    {
        const long BytesWorthAThread = 1 << 18;
        var parts = Math.Clamp(Math.Min(bytes / BytesWorthAThread, rows), 1, threads);
        if (parts == 1)
            body(0, rows);
        else
            Parallel.For(0, (int)parts, part => body(rows * part / parts, rows * (part + 1) / parts));
    }

    private static float MeanSquare<T>(byte* x, int size)
        where T : struct, IVectorElement
    {
        var squares = Vector256<float>.Zero;
        for (var i = 0; i < size; i += Width)
        {
            var values = T.Load(x, i);
            squares += values * values;
        }

        return Vector256.Sum(squares) / size;
    }

    private static Vector256<float> Gelu(Vector256<float> x)
    {
        const float MinusTwoRootTwoOverPi = -1.5957691216057308f;
        const float Cubic = 0.044715f;
        var exponent = x * (Vector256<float>.One + x * x * Cubic) * MinusTwoRootTwoOverPi;
        return x / (Vector256<float>.One + Vector256.Exp(exponent));
    }
}
