using System.Runtime.Intrinsics;
using FluxGrpc.Torch.Kernels;
using Xunit;

namespace FluxGrpc.UnitTests.Torch;

/// <summary>Against .NET's functions in float64.</summary>
public sealed class FastMathTests
{
    [Fact]
    public void Powers_of_e_are_within_two_units_in_the_last_place()
    {
        var worst = 0.0;
        for (var x = -87f; x < 88.7f; x += 0.000_37f)
        {
            var exact = Math.Exp(x);
            worst = Math.Max(worst, Math.Abs(FastMath.Exp(Vector256.Create(x))[3] - exact) / MathF.BitIncrement((float)exact) * (1 << 23));
        }

        Assert.InRange(worst, 0, 2);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-0f, 1)]
    [InlineData(88.73f, float.PositiveInfinity)]
    [InlineData(1e30f, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(-104.5f, 0)]
    [InlineData(-1e30f, 0)]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(float.NaN, float.NaN)]
    public void Powers_at_the_ends_of_what_float32_holds(float x, float expected) =>
        Assert.Equal(Vector256.Create(expected), FastMath.Exp(Vector256.Create(x)));

    /// <summary>Below 2^-126 a float32 has fewer bits, the last at 2^-149.</summary>
    [Theory]
    [InlineData(-88)]
    [InlineData(-95)]
    [InlineData(-103)]
    public void Powers_below_the_normal_numbers(float x) =>
        Assert.InRange(FastMath.Exp(Vector256.Create(x))[0] - Math.Exp(x), -2 * float.Epsilon, 2 * float.Epsilon);
}
