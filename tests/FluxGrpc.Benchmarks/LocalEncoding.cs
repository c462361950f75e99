using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>Two layers of T5 XXL with random weights, encoding, in this process.</summary>
internal sealed class LocalEncoding : ILocalRun
{
    private readonly T5Encoder _encoder;
    private readonly torch.Tensor _ids;

    private LocalEncoding(T5Encoder encoder, torch.Tensor ids) => (_encoder, _ids) = (encoder, ids);

    public string Title => $"T5, {Config.LayerCount} layers {Config.HiddenSize} wide, {_ids.shape[1]} tokens";

    public double Flops
    {
        get
        {
            double length = _ids.shape[1], width = Config.HiddenSize, inner = Config.HeadCount * Config.HeadSize;
            var perToken = 2 * (4 * width * inner + 3 * width * Config.FeedForwardSize); // q, k, v, o; gate, in, out
            return Config.LayerCount * (length * perToken + 4 * length * length * inner);
        }
    }

    private static T5Config Config { get; } = FullSize.T5 with { LayerCount = 2, VocabularySize = 1000 };

    public static LocalEncoding Load(ComputeDevice device, int tokens)
    {
        var folder = Repository.PathOf("artifacts", "benchmarks", "t5-two-layers");
        if (!File.Exists(Path.Combine(folder, "model.safetensors")))
        {
            Console.WriteLine($"Writing random weights of two layers of T5 XXL to {folder}");
            RandomCheckpoint.WriteT5(folder, Config);
        }

        using var checkpoint = Checkpoint.Open(folder, ModelComponent.T5);
        var encoder = new T5Encoder(Config, META, device.Kernels);
        checkpoint.LoadInto(encoder, device);
        manual_seed(1);
        return new LocalEncoding(encoder, randint(0, Config.VocabularySize, [1, tokens]).to(device.Device).DetachFromDisposeScope());
    }

    /// <returns>Hidden states [1, L, C].</returns>
    public torch.Tensor Compute()
    {
        using var scope = NewDisposeScope();
        return _encoder.Encode(_ids, CancellationToken.None).to(ScalarType.Float32).cpu().DetachFromDisposeScope();
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _ids.Dispose();
    }
}
