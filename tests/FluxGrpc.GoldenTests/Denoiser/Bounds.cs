using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>
/// Largest absolute errors that are allowed, and the comparison with them. They are what is reached here times 3 or so, below
/// what MANIFEST.md recommends (2e-4 for transformer_dev's output, 1e-4 for transformer_schnell's). Most of the error comes
/// from the sinusoids, whose angles reach 3500 at guidance 3.5.
/// </summary>
internal static class Bounds
{
    /// <summary>The bound of a tensor.</summary>
    public static double Of(string model, string name) => (model, name) switch
    {
        (_, "debug.pe") => 6e-7,
        (_, "debug.img_in" or "debug.txt_in") => 2e-6,
        ("transformer_schnell", _) => 2e-5,
        ("trajectory", _) => 2e-4,
        (_, "debug.vec") => 5e-5,
        _ => 8e-5,
    };

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
        Assert.True(error > bound,
            FormattableString.Invariant($"{mistake}: error {error:E2} stays within {bound:E1}; the test cannot fail"));
    }
}
