using FluxGrpc.Testing;
using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// A step with the same float8 weights converted when they are loaded, kept and converted for each product, and multiplied in float8:
/// time, bytes of the weights, difference from the first as a share of its root mean square.
/// </summary>
internal static class Float8Benchmark
{
    /// <param name="checkpoint">A transformer's folder; a copy with float8 matrices is written beside it once.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="dtype">In which type.</param>
    /// <param name="side">Width and height in pixels.</param>
    /// <param name="textTokens">Text tokens.</param>
    /// <param name="rounds">Rounds; the figures are medians.</param>
    public static async Task RunAsync(string checkpoint, string device, string dtype, int side, int textTokens, int rounds)
    {
        var float8 = Write(checkpoint);
        using var thread = new ComputeThread();
        var ways = new List<(Sample Sample, LocalStep Run, Tensor Velocity)>();
        foreach (var name in new[] { "convert", "keep", "multiply" })
        {
            if (TryOpen(device, dtype, name) is not { } opened)
                continue;
            ways.Add(await thread.RunAsync(() =>
            {
                var run = LocalStep.Load(float8, opened, side / 16, textTokens);
                return (new Sample(name), run, run.Compute());
            }));
        }

        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < ways.Count; i++)
            {
                var (sample, run, _) = ways[(round + i) % ways.Count];
                await sample.TakeAsync(() => thread.RunAsync(run.Run));
            }
        }

        var (first, local, exact) = ways[0];
        Console.WriteLine($"float8: {local.Title}, {ComputeDevice.Open(device, dtype).TypeName} on {device}, {rounds} rounds");
        foreach (var (sample, run, velocity) in ways)
        {
            using var scope = NewDisposeScope();
            var error = ((velocity - exact).square().mean().sqrt() / exact.square().mean().sqrt()).item<float>();
            Console.WriteLine(FormattableString.Invariant(
                $"  {sample.Name,-8} {1000 * sample.Median,9:F1} ms, {sample.RatioTo(first):F2} x the time, ")
                + FormattableString.Invariant($"weights {run.WeightBytes / 1e9:F2} GB, off by {error:0.0e+0}"));
        }

        foreach (var (_, run, velocity) in ways)
        {
            run.Dispose();
            velocity.Dispose();
        }
    }

    /// <summary>Null, after saying so, where the device cannot multiply in float8: the other two are worth their figures.</summary>
    private static ComputeDevice? TryOpen(string device, string dtype, string float8)
    {
        try
        {
            return ComputeDevice.Open(device, dtype, float8: float8);
        }
        catch (ArgumentException exception) when (float8 == "multiply")
        {
            Console.WriteLine(exception.Message);
            return null;
        }
    }

    private static string Write(string checkpoint)
    {
        const string Weights = "diffusion_pytorch_model.safetensors";
        var folder = Path.TrimEndingDirectorySeparator(checkpoint) + "-float8";
        var target = Path.Combine(folder, Weights);
        if (!File.Exists(target))
        {
            Console.WriteLine($"Writing {target}");
            Directory.CreateDirectory(folder);
            File.Copy(Path.Combine(checkpoint, "config.json"), Path.Combine(folder, "config.json"), overwrite: true);
            ScaledFloat8File.Write(Path.Combine(checkpoint, Weights), target);
        }

        return folder;
    }
}
