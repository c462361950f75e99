using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Torch;
using FluxGrpc.Training;
using FluxGrpc.Vae.Model;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Training;

public sealed class DiffusersExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flux-export").FullName;

    [Fact]
    public void A_transformer_is_read_back_as_it_was()
    {
        using var written = new FluxTransformer(MiniModel.Transformer);
        using var read = new FluxTransformer(MiniModel.Transformer, META);

        RoundTrip(written, read, ModelComponent.Transformer, "transformer", DiffusersExport.Transformer);
    }

    [Fact]
    public void An_autoencoder_is_read_back_as_it_was()
    {
        using var written = new AutoEncoder(MiniModel.AutoEncoder);
        AutoEncoderInitialization.Apply(written, seed: 1);
        using var read = new AutoEncoder(MiniModel.AutoEncoder, META);

        RoundTrip(written, read, ModelComponent.Vae, "vae", DiffusersExport.AutoEncoder);
    }

    [Fact]
    public void An_unknown_key_is_refused()
    {
        using var stray = ones(2);

        Assert.Throws<ArgumentException>(() => DiffusersExport.Transformer(new Dictionary<string, Tensor> { ["stray"] = stray }));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void RoundTrip(nn.Module written, nn.Module read, ModelComponent component, string folder,
        Func<IReadOnlyDictionary<string, Tensor>, IEnumerable<TensorContent>> export)
    {
        var expected = written.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);
        var path = Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName;
        SafetensorsWriter.Write(Path.Combine(path, "diffusion_pytorch_model.safetensors"), export(expected));
        using (var checkpoint = Checkpoint.Open(_folder, component))
        {
            Assert.Equal(CheckpointLayout.Diffusers, checkpoint.Layout);
            checkpoint.LoadInto(read, new ComputeDevice(CPU, ScalarType.Float32));
        }

        Assert.All(read.named_parameters(), entry => Assert.True(entry.parameter.eq(expected[entry.name]).all().item<bool>(), entry.name));
    }
}
