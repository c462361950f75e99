namespace FluxGrpc.Cli;

/// <summary>How far numbers are apart.</summary>
internal static class Differences
{
    /// <summary>Largest absolute difference; NaN where any difference is one.</summary>
    /// <param name="left">Values.</param>
    /// <param name="right">As many values.</param>
    public static float MaxAbs(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        if (left.Length != right.Length)
            throw new ArgumentException($"{left.Length} values cannot be compared with {right.Length}");

        var largest = 0f;
        for (var i = 0; i < left.Length; i++)
            largest = Math.Max(largest, Math.Abs(left[i] - right[i])); // Max of anything and NaN is NaN.
        return largest;
    }
}
