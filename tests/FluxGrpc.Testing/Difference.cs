using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>How far two results are apart.</summary>
public static class Difference
{
    /// <summary>Largest absolute difference; infinite where the shapes differ or an element is not a number.</summary>
    public static double MaxAbs(Tensor actual, Tensor expected)
    {
        using var scope = NewDisposeScope();
        if (!actual.shape.SequenceEqual(expected.shape))
            return double.PositiveInfinity;
        if (actual.numel() == 0)
            return 0;
        var largest = (actual.to(float64, CPU) - expected.to(float64, CPU)).abs().max().item<double>();
        return double.IsNaN(largest) ? double.PositiveInfinity : largest;
    }

    /// <summary>Root mean square of the difference, as a share of that of what is expected.</summary>
    public static double Relative(Tensor actual, Tensor expected)
    {
        ArgumentNullException.ThrowIfNull(actual);
        ArgumentNullException.ThrowIfNull(expected);
        using var scope = NewDisposeScope();
        var exact = expected.to(float64, CPU);
        var difference = actual.to(float64, CPU) - exact;
        return (difference.square().mean().sqrt() / exact.square().mean().sqrt()).item<double>();
    }

    /// <summary>Largest absolute difference; infinite where the lengths differ or an element is not a number.</summary>
    public static double MaxAbs(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        if (actual.Length != expected.Length)
            return double.PositiveInfinity;
        double largest = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            var difference = Math.Abs((double)actual[i] - expected[i]);
            if (double.IsNaN(difference))
                return double.PositiveInfinity;
            largest = Math.Max(largest, difference);
        }

        return largest;
    }
}
