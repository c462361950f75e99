using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Functions of eight float32 at a time that stay in registers. The runtime's <see cref="Vector256.Exp(Vector256{float})"/> computes in
/// float64 and is called through memory: several times as long in these loops.
/// </summary>
internal static class FastMath
{
    // Below the first e^x is 0 in float32, above the second infinite.
    private const float Lowest = -104;
    private const float Highest = 89;

    // ln 2 in two parts, the first with so few bits that n times it is exact.
    private const float LogOf2 = 0.693359375f;
    private const float RestOfLogOf2 = -2.12194440e-4f;
    private const float Log2OfE = 1.44269504f;

    /// <summary>e^x = 2^n·e^r, with e^r by its Taylor series: |r| ≤ ln 2 / 2, so that the eighth power is below the rounding.</summary>
    /// <returns>Within 2 units in the last place; NaN for NaN, 0 for −∞, ∞ for ∞.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // The native forms give their second argument where one is NaN.
        x = Vector256.MinNative(Vector256.Create(Highest), Vector256.MaxNative(Vector256.Create(Lowest), x));
        var n = Vector256.Round(x * Log2OfE);
        var r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-LogOf2), x);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-RestOfLogOf2), r);

        var series = Vector256.Create(1f / 5040);
        series = Vector256.FusedMultiplyAdd(series, r, Vector256.Create(1f / 720));
        series = Vector256.FusedMultiplyAdd(series, r, Vector256.Create(1f / 120));
        series = Vector256.FusedMultiplyAdd(series, r, Vector256.Create(1f / 24));
        series = Vector256.FusedMultiplyAdd(series, r, Vector256.Create(1f / 6));
        series = Vector256.FusedMultiplyAdd(series, r, Vector256.Create(1f / 2));
        series = Vector256.FusedMultiplyAdd(series, r, Vector256<float>.One);
        series = Vector256.FusedMultiplyAdd(series, r, Vector256<float>.One);

        // In two factors: 2^-149 and 2^128 are no float32 of which a factor alone could be made.
        var exponent = Vector256.ConvertToInt32Native(n);
        var half = exponent >> 1;
        return series * PowerOf2(half) * PowerOf2(exponent - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOf2(Vector256<int> exponent)
    {
        const int Bias = 127;
        const int MantissaBits = 23;
        return ((exponent + Vector256.Create(Bias)) << MantissaBits).AsSingle();
    }
}
