using static System.MathF;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// Logarithm, sine and cosine by the single-precision polynomials of S. Moshier's Cephes library, with products and sums fused
/// as in PyTorch's AVX2 kernel. The system's own functions are as good but differ in the last bit.
/// </summary>
internal static class SinglePrecision
{
    private const float SqrtHalf = 0.70710678f;
    private const float Ln2High = 0.693359375f; // Ln2High + Ln2Low = ln 2; products with Ln2High are exact.
    private const float Ln2Low = -2.12194440e-4f;
    private const float FourOverPi = 1.27323954f;
    private const float QuarterPi1 = 0.78515625f; // Three parts of pi / 4, so that the reduction loses nothing.
    private const float QuarterPi2 = 2.4187564849853515625e-4f;
    private const float QuarterPi3 = 3.77489497744594108e-8f;

    private static ReadOnlySpan<float> LogPolynomial =>
    [
        7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
        -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f,
    ];

    private static ReadOnlySpan<float> CosinePolynomial =>
        [2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f];

    private static ReadOnlySpan<float> SinePolynomial => [-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f];

    /// <summary>Natural logarithm of a positive normal number.</summary>
    public static float Log(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        float exponent = (int)(bits >> 23) - 126;
        var mantissa = BitConverter.UInt32BitsToSingle((bits & 0x007F_FFFF) | 0x3F00_0000); // In [0.5, 1).
        var x = mantissa - 1;
        if (mantissa < SqrtHalf)
        {
            exponent -= 1;
            x += mantissa; // 2 * mantissa - 1
        }

        // ln(1 + x) = x - x^2 / 2 + x^3 * polynomial(x)
        var square = x * x;
        var tail = FusedMultiplyAdd(Evaluate(LogPolynomial, x) * x, square, exponent * Ln2Low);
        tail = FusedMultiplyAdd(-0.5f, square, tail);
        return FusedMultiplyAdd(exponent, Ln2High, x + tail);
    }

    /// <summary>Sine and cosine of an angle in [0, 2 pi].</summary>
    public static (float Sine, float Cosine) SinCos(float angle)
    {
        var octant = ((int)(angle * FourOverPi) + 1) & ~1; // Even, so that the rest lies in [-pi / 4, pi / 4].
        var x = FusedMultiplyAdd(-octant, QuarterPi1, angle);
        x = FusedMultiplyAdd(-octant, QuarterPi2, x);
        x = FusedMultiplyAdd(-octant, QuarterPi3, x);

        var square = x * x;
        var cosine = FusedMultiplyAdd(Evaluate(CosinePolynomial, square) * square, square, -0.5f * square) + 1;
        var sine = FusedMultiplyAdd(Evaluate(SinePolynomial, square) * square, x, x);
        return (octant & 6) switch
        {
            0 => (sine, cosine),
            2 => (cosine, -sine),
            4 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
    }

    private static float Evaluate(ReadOnlySpan<float> coefficients, float x)
    {
        var sum = coefficients[0];
        foreach (var coefficient in coefficients[1..])
            sum = FusedMultiplyAdd(sum, x, coefficient);
        return sum;
    }
}
