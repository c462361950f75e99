namespace FluxGrpc.TextEncoder.Model;

/// <summary>
/// Buckets of relative positions: exact for near ones, logarithmic up to a distance, one for all beyond, and half of them for
/// each direction. Reference: <c>T5Attention._relative_position_bucket</c>, bidirectional.
/// </summary>
public static class RelativePosition
{
    /// <summary>The bucket of one relative position.</summary>
    /// <param name="position">Index of the key minus index of the query.</param>
    /// <param name="bucketCount">Buckets in all, a multiple of 4.</param>
    /// <param name="maxDistance">Distance from which on all positions share a bucket.</param>
    public static long Bucket(long position, int bucketCount, int maxDistance)
    {
        var half = bucketCount / 2;
        var direction = position > 0 ? half : 0;
        var exact = half / 2;
        var distance = Math.Abs(position);
        if (distance < exact)
            return direction + distance;

        var logarithm = MathF.Log((float)distance / exact) / MathF.Log((float)maxDistance / exact);
        return direction + Math.Min(half - 1, exact + (long)(logarithm * (half - exact)));
    }

    /// <summary>The buckets of all relative positions in a sequence of length L: of 1 − L, …, −1, 0, 1, …, L − 1.</summary>
    public static long[] Buckets(int length, int bucketCount, int maxDistance)
    {
        var buckets = new long[2 * length - 1];
        for (var i = 0; i < buckets.Length; i++)
            buckets[i] = Bucket(i - (length - 1), bucketCount, maxDistance);
        return buckets;
    }
}
