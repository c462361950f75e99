using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FluxGrpc.Torch.Kernels;

/// <summary>The loops over elements of one type.</summary>
/// <remarks>
/// Each is compiled in full at its first call: in the runtime's quick first version vectors are many times slower, and a process's first
/// picture is drawn before the better one is there.
/// </remarks>
/// <typeparam name="T">How they become float32 and come back.</typeparam>
internal sealed unsafe class TypedRows<T> : FusedRows
    where T : struct, IVectorElement
{
    /// <inheritdoc/>
    public override int ElementSize => T.Size;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void NormModulate(byte* x, byte* shift, byte* scale, byte* y, int size, float epsilon)
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

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void NormTurn(byte* x, byte* scale, float* turns, byte* y, int size, float epsilon)
    {
        var inverse = Vector256.Create(1 / MathF.Sqrt(MeanSquare(x, size) + epsilon));
        var signs = Vector256.Create(-1f, 1, -1, 1, -1, 1, -1, 1);
        for (var i = 0; i < size; i += Width)
        {
            var normed = T.Load(x, i) * inverse * T.Load(scale, i);
            var turn = Vector256.Load(turns + i);                                           // c₀ s₀ c₁ s₁ …
            var cosines = Vector256.Shuffle(turn, Vector256.Create(0, 0, 2, 2, 4, 4, 6, 6));
            var sines = Vector256.Shuffle(turn, Vector256.Create(1, 1, 3, 3, 5, 5, 7, 7)) * signs;
            T.Store(y, i, normed * cosines + SwapPairs(normed) * sines);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RmsNorm(byte* x, byte* scale, byte* y, int size, float epsilon)
    {
        var inverse = Vector256.Create(1 / MathF.Sqrt(MeanSquare(x, size) + epsilon));
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, T.Load(x, i) * inverse * T.Load(scale, i));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void BiasedSoftmax(byte* x, float* bias, byte* y, int size)
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
            sum += FastMath.Exp(T.Load(x, i) + Vector256.Load(bias + i) - Vector256.Create(most));
        var inverse = Vector256.Create(1 / Vector256.Sum(sum));
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, FastMath.Exp(T.Load(x, i) + Vector256.Load(bias + i) - Vector256.Create(most)) * inverse);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void GatedGelu(byte* x, byte* factor, byte* y, int size)
    {
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, Gelu(T.Load(x, i)) * T.Load(factor, i));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void AffineSilu(byte* x, float* factor, float* shift, byte* y, int size, long rows)
    {
        for (var end = x + rows * size * T.Size; x < end; x += size * T.Size, y += size * T.Size)
        {
            for (var i = 0; i < size; i += Width)
            {
                var values = T.Load(x, i) * Vector256.Load(factor + i) + Vector256.Load(shift + i);
                T.Store(y, i, values / (Vector256<float>.One + FastMath.Exp(-values)));
            }
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Moments(byte* x, float* sums, float* squares, int size, long rows)
    {
        for (var i = 0; i < size; i += Width)
        {
            var (sum, square) = (Vector256<float>.Zero, Vector256<float>.Zero);
            for (var row = 0L; row < rows; row++)
            {
                var values = T.Load(x + row * size * T.Size, i);
                sum += values;
                square += values * values;
            }

            sum.Store(sums + i);
            square.Store(squares + i);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Gelu(byte* x, byte* y, int size)
    {
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, Gelu(T.Load(x, i)));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float RoundToUInt8(byte* x, byte* codes, int size, out float zeroPoint)
    {
        var (low, high) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (var i = 0; i < size; i += Width)
        {
            var values = T.Load(x, i);
            low = Vector256.Min(low, values);
            high = Vector256.Max(high, values);
        }

        var (least, most) = (-Largest(-low), Largest(high));
        var step = (most - least) / byte.MaxValue;
        var inverse = step == 0 ? 0 : 1 / step;
        zeroPoint = MathF.Round(-least * inverse);
        for (var i = 0; i < size; i += Width)
        {
            var rounded = Vector256.Round(T.Load(x, i) * inverse) + Vector256.Create(zeroPoint);
            var words = Vector256.ConvertToInt32Native(
                Vector256.MinNative(Vector256.MaxNative(rounded, Vector256<float>.Zero), Vector256.Create((float)byte.MaxValue)));
            Narrow(words).Store(codes + i);
        }

        return step;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float RoundToInt8(byte* x, sbyte* codes, int size, out int sum)
    {
        var pairs = Vector256<float>.Zero;
        for (var i = 0; i < size; i += Width)
        {
            var values = T.Load(x, i);
            var positive = Vector256.Max(values, Vector256<float>.Zero);
            var negative = Vector256.Max(-values, Vector256<float>.Zero);
            pairs = Vector256.Max(pairs, Vector256.Max(positive + SwapPairs(positive), negative + SwapPairs(negative)));
        }

        var step = Largest(pairs) / sbyte.MaxValue;
        var inverse = step == 0 ? 0 : 1 / step;
        var sums = Vector256<int>.Zero;
        for (var i = 0; i < size; i += Width)
        {
            var words = Vector256.ConvertToInt32Native(Vector256.Round(T.Load(x, i) * inverse));
            sums += words;
            Narrow(words).Store((byte*)codes + i);
        }

        sum = Vector256.Sum(sums);
        return step;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Unround(float* products, float step, float zeroPoint, float* sums, byte* bias, byte* y, int size)
    {
        for (var i = 0; i < size; i += Width)
        {
            var values = (Vector256.Load(products + i) - Vector256.Load(sums + i) * zeroPoint) * step;
            T.Store(y, i, bias is null ? values : values + T.Load(bias, i));
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void WidenFloat8(byte* codes, float factor, byte* y, int size)
    {
        for (var i = 0; i < size; i += Width)
            T.Store(y, i, OfFloat8(codes + i) * factor);
    }

    /// <summary>Eight numbers of a sign, four bits of exponent (bias 7) and three of mantissa; no infinities.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> OfFloat8(byte* codes)
    {
        const uint NotANumber = 0x7F, Sign = 0x80, LeastNormal = 0x08;
        const int MantissaShift = 20, SignShift = 24;     // To float32's 23 bits of mantissa, and its topmost bit.
        const uint BiasDifference = (127 - 7) << 23;
        const float SubnormalStep = 1f / 512;
        var words = Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(codes).AsUInt32()
            : Vector256.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)codes).AsByte()).ToVector256Unsafe());
        var magnitude = words & Vector256.Create(NotANumber);
        var normal = (magnitude << MantissaShift) + Vector256.Create(BiasDifference);
        var subnormal = (Vector256.ConvertToSingle(magnitude.AsInt32()) * SubnormalStep).AsUInt32();
        var number = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(LeastNormal)), subnormal, normal);
        var signed = number | (words & Vector256.Create(Sign)) << SignShift;
        return (signed | Vector256.Equals(magnitude, Vector256.Create(NotANumber))).AsSingle();
    }

    /// <summary>The largest element; NaN where one is.</summary>
    private static float Largest(Vector256<float> values)
    {
        var largest = values[0];
        for (var lane = 1; lane < Width; lane++)
            largest = MathF.Max(largest, values[lane]);
        return largest;
    }

    private static Vector256<float> SwapPairs(Vector256<float> values) =>
        Vector256.Shuffle(values, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));

    /// <summary>The lowest byte of each element.</summary>
    private static Vector64<byte> Narrow(Vector256<int> values)
    {
        var words = Vector128.Narrow(values.GetLower(), values.GetUpper());
        return Vector128.Narrow(words, words).GetLower().AsByte();
    }

    private static float MeanSquare(byte* x, int size)
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
        return x / (Vector256<float>.One + FastMath.Exp(exponent));
    }
}
