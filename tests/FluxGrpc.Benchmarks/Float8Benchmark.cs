using FluxGrpc.Testing;
using FluxGrpc.Torch;

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
        await using var ways = new StepWays();
        foreach (var name in new[] { "convert", "keep", "multiply" })
        {
            if (TryOpen(device, dtype, name) is { } opened)
                await ways.AddAsync(name, float8, opened, side, textTokens);
        }

        await ways.CompareAsync($"float8 weights, {ComputeDevice.Open(device, dtype).TypeName} on {device}", rounds);
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
