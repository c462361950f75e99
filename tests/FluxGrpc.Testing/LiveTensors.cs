using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>Counts native tensors, for tests of what is left behind.</summary>
public static class LiveTensors
{
    /// <summary>
    /// Live tensors after a collection: a count to compare with later must not hold what earlier tests forgot, which the collector
    /// would free in between.
    /// </summary>
    public static long CountSettled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
