using FluxGrpc.Testing;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// Random weights in which the denoiser has about the share of the work that it has in FLUX.1: 98 % of the processor time. FLUX.1 dev, at
/// 256×256 and 20 steps, has 97 % of its FLOPs there (198 of 204 T), and 99.7 % where the prompt is remembered, as in the benchmark. In the
/// embedded mini model it is three quarters: two cores could not show there that a tier of denoisers scales.
/// </summary>
internal static class ScalingModel
{
    private static readonly RandomModel _sizes = RandomModel.Mini with
    {
        Transformer = RandomModel.Mini.Transformer with
        {
            HiddenSize = 512,
            MlpSize = 2048,
            HeadCount = 8,
            AxesSizes = [8, 28, 28],
            DoubleBlockCount = 4,
            SingleBlockCount = 8,
        },
    };

    /// <summary>The checkpoint's folder; it is written the first time.</summary>
    public static string Folder()
    {
        var folder = Repository.PathOf("artifacts", "benchmarks", "scaling-4-8");
        if (!File.Exists(Path.Combine(folder, "text_encoder_2", "model.safetensors"))) // The last one written.
        {
            Console.WriteLine($"Writing random weights to {folder}");
            RandomCheckpoint.Write(folder, _sizes);
        }

        return folder;
    }
}
