using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>A component's folder as users have it, made of a golden file and its sizes in configs.json.</summary>
internal sealed class TemporaryCheckpoint : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-golden-");

    public TemporaryCheckpoint(string config, string weights)
        : this(GoldenFolder.Config(config).GetRawText(), path => File.Copy(GoldenFolder.PathOf(weights), path))
    {
    }

    private TemporaryCheckpoint(string config, Action<string> writeWeights)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, "config.json"), config);
        writeWeights(System.IO.Path.Combine(Path, "diffusion_pytorch_model.safetensors"));
    }

    private TemporaryCheckpoint()
    {
    }

    public string Path => _folder.FullName;

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>A transformer of any sizes, whose velocities mean nothing.</summary>
    public static TemporaryCheckpoint Random(TransformerConfig config)
    {
        var checkpoint = new TemporaryCheckpoint();
        RandomCheckpoint.WriteTransformer(checkpoint.Path, config);
        return checkpoint;
    }

    /// <summary>A golden transformer whose weights are stored in another type.</summary>
    public static TemporaryCheckpoint Stored(string config, ScalarType type) => new(GoldenFolder.Config(config).GetRawText(), path =>
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenFolder.Open($"{config}.safetensors");
        SafetensorsWriter.Write(path, golden.Names.Select(name => TensorContent.Of(name, golden[name].to(type))));
    });

    /// <summary>A golden transformer that takes another number of channels, as FLUX.1 Canny and Depth do.</summary>
    public static TemporaryCheckpoint WithInputChannels(string config, int channels)
    {
        var sizes = JsonNode.Parse(GoldenFolder.Config(config).GetRawText())!;
        sizes["in_channels"] = channels;
        return new TemporaryCheckpoint(sizes.ToJsonString(), path =>
        {
            using var scope = NewDisposeScope();
            using var golden = GoldenFolder.Open($"{config}.safetensors");
            SafetensorsWriter.Write(path, golden.Names.Select(name => TensorContent.Of(name,
                name == "img_in.weight" ? zeros(golden.Shape(name)[0], channels) : golden[name])));
        });
    }
}
