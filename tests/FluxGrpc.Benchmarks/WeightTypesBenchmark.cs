using FluxGrpc.Testing;
using FluxGrpc.Torch;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// A step with its weights held in each type there is, of a checkpoint as it is and of one whose matrices are float8: time, bytes of the
/// weights, difference from those in the type that is computed in.
/// </summary>
internal static class WeightTypesBenchmark
{
    private static readonly string[] _types = ["compute", "stored", "float8", "int8"];

    /// <param name="checkpoint">A transformer's folder; a copy with float8 matrices is written beside it once.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="dtype">In which type.</param>
    /// <param name="side">Width and height in pixels.</param>
    /// <param name="textTokens">Text tokens.</param>
    /// <param name="rounds">Rounds; the figures are medians.</param>
    public static async Task RunAsync(string checkpoint, string device, string dtype, int side, int textTokens, int rounds)
    {
        (string Title, string Folder)[] checkpoints =
            [("the checkpoint as it is", checkpoint), ("its matrices in float8", WriteFloat8(checkpoint))];
        foreach (var (title, folder) in checkpoints)
        {
            await using var ways = new StepWays();
            foreach (var type in _types)
            {
                if (TryOpen(device, dtype, type) is { } opened)
                    await ways.AddAsync(type, folder, opened, side, textTokens);
            }

            await ways.CompareAsync($"{title}, computed in {ComputeDevice.Open(device, dtype).TypeName} on {device}", rounds);
        }
    }

    /// <summary>Null, after saying so, where the device has no products of the type: the others are worth their figures.</summary>
    private static ComputeDevice? TryOpen(string device, string dtype, string weightType)
    {
        try
        {
            return ComputeDevice.Open(device, dtype, weightType: weightType);
        }
        catch (ArgumentException exception) when (weightType is "float8" or "int8")
        {
            Console.WriteLine(exception.Message);
            return null;
        }
    }

    private static string WriteFloat8(string checkpoint)
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
