using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>Weight loading against a plain read of the same file, and the memory it takes at its peak.</summary>
internal static class LoadBenchmark
{
    public static async Task RunAsync(string checkpoint, string device, int rounds)
    {
        var stored = ComputeDevice.Open(device, "bfloat16");
        var widened = ComputeDevice.Open(device, "float32", weightType: "compute");
        var files = Directory.GetFiles(Directory.Exists(checkpoint) ? checkpoint : Path.GetDirectoryName(checkpoint)!, "*.safetensors",
            SearchOption.AllDirectories);
        Sample read = new("plain read"), mapped = new("load, stored type"), converted = new("load, to float32");
        for (var round = 0; round < rounds; round++)
        {
            await read.TakeAsync(() => Task.Run(() => Array.ForEach(files, ReadOnce)));
            await mapped.TakeAsync(() => Task.Run(() => LoadAndTouch(checkpoint, stored)));
            await converted.TakeAsync(() => Task.Run(() => LoadAndTouch(checkpoint, widened)));
        }

        var bytes = files.Sum(file => new FileInfo(file).Length);
        Console.WriteLine($"load: {bytes / 1e9:F2} GB, {rounds} rounds");
        foreach (var sample in new[] { read, mapped, converted })
        {
            Console.WriteLine(FormattableString.Invariant(
                $"  {sample.Name,-18} {bytes / sample.Median / 1e9,6:F2} GB/s of the file  time ratio {sample.RatioTo(read):F2}"));
        }

        PrintPeak(checkpoint, stored, bytes);
        PrintPeak(checkpoint, widened, bytes);
    }

    /// <summary>Touches every page, as the first step would: a mapped tensor is read only then. The numbers wait for a GPU.</summary>
    private static void LoadAndTouch(string path, ComputeDevice device)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var transformer = Load(path, device);
        foreach (var parameter in transformer.parameters())
            parameter.max().to(ScalarType.Float32).item<float>();
    }

    private static void PrintPeak(string path, ComputeDevice device, long fileBytes)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = ResidentMemory.Now();
        ResidentMemory.ResetPeak();
        LoadAndTouch(path, device);
        var peak = ResidentMemory.Peak() - before;
        var weights = device.Type == ScalarType.Float32 ? 2 * fileBytes : fileBytes;
        Console.WriteLine(FormattableString.Invariant(
            $"  peak while loading to {device.TypeName}: {peak / 1e9:F2} GB, {(double)peak / weights:F2} x the ")
            + FormattableString.Invariant($"{weights / 1e9:F2} GB of weights"));
    }

    private static FluxTransformer Load(string path, ComputeDevice device)
    {
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        var transformer = new FluxTransformer(TransformerConfigReader.Read(checkpoint), META);
        checkpoint.LoadInto(transformer, device);
        return transformer;
    }

    private static void ReadOnce(string path)
    {
        var buffer = new byte[1 << 20];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, FileOptions.SequentialScan);
        while (file.Read(buffer) > 0)
        {
        }
    }
}
