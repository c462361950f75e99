using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Largest absolute errors that are allowed, and the comparison with them.</summary>
internal static class Bounds
{
    /// <summary>The bound of a tensor.</summary>
    public static double Of(string model, string name) => 1;

    /// <summary>Prints the error beside its bound and asserts it.</summary>
    public static void Check(ITestOutputHelper output, string name, double error, double bound)
    {
        output.WriteLine(FormattableString.Invariant($"{name} {error:E1} bound {bound:E1}"));
        Assert.True(error <= bound, FormattableString.Invariant($"{name}: error {error:E2} exceeds {bound:E1}"));
    }

    /// <summary>Prints the error of a mistake beside the bound, which it must miss.</summary>
    public static void CheckMissed(ITestOutputHelper output, string mistake, double error, double bound)
    {
        output.WriteLine(FormattableString.Invariant($"{mistake} {error:E1} must exceed {bound:E1}"));
        Assert.True(error > bound, FormattableString.Invariant($"{mistake}: error {error:E2} stays within {bound:E1}; the test cannot fail"));
    }
}
