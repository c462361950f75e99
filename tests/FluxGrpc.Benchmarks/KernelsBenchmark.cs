using FluxGrpc.Testing;
using FluxGrpc.Torch;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// A model by each way to compute, round by round in one process: speed against the plain way, share of the machine's matrix rate,
/// largest difference from the plain way in float32, as a share of the largest value.
/// </summary>
internal static class KernelsBenchmark
{
    /// <param name="make">Makes the model on a device, always with the same weights.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="dtype">In which type.</param>
    /// <param name="rounds">Rounds; the figures are medians.</param>
    public static async Task RunAsync(Func<ComputeDevice, ILocalRun> make, string device, string dtype, int rounds)
    {
        using var thread = new ComputeThread();
        using var exact = await thread.RunAsync(() =>
        {
            using var run = make(ComputeDevice.Open(device, "float32", "plain", "compute"));
            return run.Compute();
        });
        var ways = new List<(Sample Sample, ILocalRun Run, double Error)>();
        foreach (var name in device == "cpu" ? new[] { "plain", "fused", "onednn" } : ["plain", "fused"])
        {
            ways.Add(await thread.RunAsync(() =>
            {
                var run = make(ComputeDevice.Open(device, dtype, name, "compute"));
                using var result = run.Compute(); // The first one is slow, and counts for its result only.
                return (new Sample(name), run, Difference.MaxAbs(result, exact) / exact.abs().max().item<float>());
            }));
        }

        var computeDevice = ComputeDevice.Open(device, dtype);
        using var product = await thread.RunAsync(() => new MatrixProduct(computeDevice));
        var matrix = new Sample("matrix product");
        (Sample Sample, Func<float> Run)[] runs =
            [.. ways.Select(way => (way.Sample, (Func<float>)(() => First(way.Run)))), (matrix, product.Run)];
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < runs.Length; i++)
            {
                var (sample, run) = runs[(round + i) % runs.Length];
                await sample.TakeAsync(() => thread.RunAsync(run));
            }
        }

        Console.WriteLine($"kernels: {ways[0].Run.Title}, {computeDevice.TypeName} on {computeDevice.Name}, {rounds} rounds; "
            + $"auto is {computeDevice.Kernels.Name}");
        var flops = ways[0].Run.Flops;
        foreach (var (sample, _, error) in ways)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"  {sample.Name,-8} {1000 * sample.Median,9:F1} ms (least {1000 * sample.Least:F1}), ")
                + FormattableString.Invariant($"{1 / sample.RatioTo(ways[0].Sample):F2} x plain, ")
                + FormattableString.Invariant($"{flops / sample.Median / 1e9:F0} GFLOP/s, off by {error:0.0e+0}"));
        }

        var matrixRate = MatrixProduct.Flops / matrix.Median / 1e9;
        Console.WriteLine(FormattableString.Invariant($"  matrix product {MatrixProduct.Shape}: {matrixRate:F0} GFLOP/s; share of it: ")
            + string.Join(", ", ways.Select(way => FormattableString.Invariant(
                $"{way.Sample.Name} {100 * flops / way.Sample.Median / 1e9 / matrixRate:F0} %"))));
        Console.WriteLine(FormattableString.Invariant($"  peak resident memory {ResidentMemory.Peak() / 1e9:F2} GB"));
        if (computeDevice.MemoryInUse() is { } bytes)
            Console.WriteLine(FormattableString.Invariant($"  {computeDevice.Name}: {bytes / 1e9:F2} GB in use at the peak"));
        ways.ForEach(way => way.Run.Dispose());
    }

    private static float First(ILocalRun run)
    {
        using var result = run.Compute();
        return result.flatten()[0].item<float>();
    }
}
