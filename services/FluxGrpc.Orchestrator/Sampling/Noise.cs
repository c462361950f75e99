namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// Standard normal numbers, bit for bit those of <c>torch.randn(n, generator=torch.Generator("cpu").manual_seed(seed))</c> in
/// float32. Reference: <c>get_noise</c>.
/// </summary>
public static class Noise
{
    private const int Block = 16;
    private const int HalfBlock = Block / 2;

    /// <summary>Fills a tensor, in row-major order, with the noise of a seed.</summary>
    /// <param name="seed">Only the seed modulo 2^32 counts, as in PyTorch.</param>
    /// <param name="values">All elements of the tensor: the latents x [1, 16, H/8, W/8].</param>
    public static void Fill(ulong seed, Span<float> values)
    {
        var generator = new MersenneTwister((uint)seed);
        if (values.Length < Block)
            FillFew(generator, values);
        else
            FillBlocks(generator, values);
    }

    /// <summary>PyTorch's serial way: pairs of normals from pairs of 53-bit uniforms, in double precision.</summary>
    private static void FillFew(MersenneTwister generator, Span<float> values)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var angle = 2 * Math.PI * NextDouble(generator);
            var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble(generator))); // 1 - u is exact.
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length)
                values[i + 1] = (float)(radius * Math.Sin(angle));
        }
    }

    /// <summary>PyTorch's vectorised way: a 24-bit uniform for each element, then blocks of 16 turned into normals.</summary>
    private static void FillBlocks(MersenneTwister generator, Span<float> values)
    {
        FillUniform(generator, values);
        for (var start = 0; start + Block <= values.Length; start += Block)
            TransformBlock(values.Slice(start, Block));

        if (values.Length % Block != 0)
        {
            // The last 16 elements overlap the block before; they are drawn again.
            FillUniform(generator, values[^Block..]);
            TransformBlock(values[^Block..]);
        }
    }

    /// <summary>The Box-Muller transform of 16 uniforms in [0, 1): element j gives the radius, element j + 8 the angle.</summary>
    private static void TransformBlock(Span<float> block)
    {
        for (var j = 0; j < HalfBlock; j++)
        {
            var radius = MathF.Sqrt(-2 * SinglePrecision.Log(1 - block[j]));
            var (sine, cosine) = SinglePrecision.SinCos((float)(2 * Math.PI) * block[j + HalfBlock]);
            block[j] = radius * cosine;
            block[j + HalfBlock] = radius * sine;
        }
    }

    private static void FillUniform(MersenneTwister generator, Span<float> values)
    {
        foreach (ref var value in values)
            value = (generator.NextUInt32() & 0xFF_FFFF) * (1f / (1 << 24));
    }

    private static double NextDouble(MersenneTwister generator) =>
        (generator.NextUInt64() & ((1UL << 53) - 1)) * (1d / (1UL << 53));
}
