using FluxGrpc.Torch;

namespace FluxGrpc.Benchmarks;

/// <summary>A step in float32 and in bfloat16, each without and with large linear layers in int8.</summary>
internal static class Int8Benchmark
{
    /// <param name="checkpoint">A transformer's folder.</param>
    /// <param name="side">Width and height in pixels.</param>
    /// <param name="textTokens">Text tokens.</param>
    /// <param name="rounds">Rounds; the times are medians.</param>
    public static async Task RunAsync(string checkpoint, int side, int textTokens, int rounds)
    {
        await using var ways = new StepWays();
        foreach (var dtype in new[] { "float32", "bfloat16" })
        {
            await ways.AddAsync(dtype, checkpoint, ComputeDevice.Open("cpu", dtype), side, textTokens);
            await ways.AddAsync($"{dtype}, int8", checkpoint, ComputeDevice.Open("cpu", dtype, int8: true), side, textTokens);
        }

        await ways.CompareAsync("int8 on the CPU", rounds);
    }
}
