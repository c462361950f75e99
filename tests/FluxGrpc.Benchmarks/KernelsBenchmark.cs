using FluxGrpc.Testing;
using FluxGrpc.Torch;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// A denoise step by each way to compute, round by round in one process: speed against the plain way, share of the machine's matrix rate,
/// largest difference from the plain way in float32, as a share of the largest velocity.
/// </summary>
internal static class KernelsBenchmark
{
    public static async Task RunAsync(string checkpoint, string device, string dtype, int side, int textTokens, int rounds)
    {
        var grid = side / 16;
        using var thread = new ComputeThread();
        using var exact = await thread.RunAsync(() =>
        {
            using var local = LocalStep.Load(checkpoint, ComputeDevice.Open(device, "float32", "plain"), grid, textTokens);
            return local.Velocity();
        });
        var names = device == "cpu" ? new[] { "plain", "fused", "onednn" } : ["plain"];
        var ways = new List<(Sample Sample, LocalStep Step, double Error)>();
        var computeDevice = ComputeDevice.Open(device, dtype);
        foreach (var name in names)
        {
            ways.Add(await thread.RunAsync(() =>
            {
                var step = LocalStep.Load(checkpoint, ComputeDevice.Open(device, dtype, name), grid, textTokens);
                using var velocity = step.Velocity(); // The first step is slow, and counts for its result only.
                return (new Sample(name), step, Difference.MaxAbs(velocity, exact) / exact.abs().max().item<float>());
            }));
        }

        using var product = await thread.RunAsync(() => new MatrixProduct(computeDevice));
        var matrix = new Sample("matrix product");
        (Sample Sample, Func<float> Run)[] runs = [.. ways.Select(way => (way.Sample, (Func<float>)way.Step.Run)), (matrix, product.Run)];
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < runs.Length; i++)
            {
                var (sample, run) = runs[(round + i) % runs.Length];
                await sample.TakeAsync(() => thread.RunAsync(run));
            }
        }

        var config = ways[0].Step.Config;
        var flops = StepCost.Flops(config, (long)grid * grid, textTokens);
        Console.WriteLine($"kernels: {config.HiddenSize} wide, {config.DoubleBlockCount} + {config.SingleBlockCount} blocks, {side}x{side} "
            + $"pixels, {textTokens} text tokens, {computeDevice.TypeName} on {computeDevice.Name}, {rounds} rounds; "
            + $"auto is {computeDevice.Kernels.Name}");
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
        ways.ForEach(way => way.Step.Dispose());
    }
}
