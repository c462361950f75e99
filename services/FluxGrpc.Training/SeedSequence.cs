namespace FluxGrpc.Training;

/// <summary>Seeds for each step and worker, the same in every run.</summary>
internal static class SeedSequence
{
    /// <summary>A seed that is unlike its neighbours'.</summary>
    public static int At(int seed, int step, int worker)
    {
        // The finalizer of SplitMix64.
        var mixed = (ulong)(uint)seed << 40 ^ (ulong)(uint)step << 8 ^ (uint)worker;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        return (int)(mixed ^ mixed >> 31) & int.MaxValue;
    }
}
