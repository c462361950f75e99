using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

/// <summary>The same weights in two layouts are the same module and the same fingerprint.</summary>
public sealed class LayoutEquivalenceTests : IDisposable
{
    private static readonly ComputeDevice _float32 = ComputeDevice.Open("cpu", "float32");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("transformer_dev.safetensors")]
    [InlineData("transformer_schnell.safetensors")]
    public void Diffusers_names_give_the_official_transformer_bit_for_bit(string file)
    {
        var path = _folder.PathOf("diffusers.safetensors");
        using (var golden = GoldenFolder.Open(file))
            DiffusersCheckpoint.WriteTransformer(path, golden, hidden: 64);

        using var official = Checkpoint.Open(GoldenFolder.PathOf(file), ModelComponent.Transformer);
        using var diffusers = Checkpoint.Open(path, ModelComponent.Transformer);
        Assert.Equal(CheckpointLayout.Diffusers, diffusers.Layout);
        AssertEqualWeights(official, diffusers);
    }

    [Fact]
    public void Diffusers_matrices_give_the_autoencoder_s_convolutions()
    {
        var path = _folder.PathOf("diffusers.safetensors");
        using (var file = SafetensorsFile.Open(GoldenFolder.PathOf("vae.safetensors")))
        {
            SafetensorsWriter.Write(path, file.Tensors.Values.Select(entry =>
            {
                var isMatrix = entry.Name.Contains("attn_1", StringComparison.Ordinal) && entry.Shape.Count == 4;
                var shape = isMatrix ? entry.Shape.Take(2).ToArray() : entry.Shape;
                return new TensorContent(DiffusersName(entry.Name), entry.Type, shape, file.Bytes(entry.Name).ToArray());
            }));
        }

        using var official = Checkpoint.Open(GoldenFolder.PathOf("vae.safetensors"), ModelComponent.Vae);
        using var diffusers = Checkpoint.Open(path, ModelComponent.Vae);
        Assert.Equal(CheckpointLayout.Diffusers, diffusers.Layout);
        AssertEqualWeights(official, diffusers);
    }

    private static void AssertEqualWeights(Checkpoint expected, Checkpoint actual)
    {
        using var scope = NewDisposeScope();
        var shapes = expected.Tensors.Values.Select(tensor => (tensor.Name, tensor.Shape)).ToArray();
        using var expectedModule = new KeyTree(shapes);
        using var actualModule = new KeyTree(shapes);
        expected.LoadInto(expectedModule, _float32);
        actual.LoadInto(actualModule, _float32);
        foreach (var (wanted, loaded) in expectedModule.named_parameters().Zip(actualModule.named_parameters()))
        {
            Assert.Equal(wanted.name, loaded.name);
            Assert.Equal(0, Difference.MaxAbs(loaded.parameter, wanted.parameter));
        }

        Assert.Equal(expected.Fingerprint("dev", _float32), actual.Fingerprint("dev", _float32));
    }

    private static string DiffusersName(string name) => name
        .Replace("mid.block_1", "mid_block.resnets.0", StringComparison.Ordinal)
        .Replace("mid.block_2", "mid_block.resnets.1", StringComparison.Ordinal)
        .Replace("mid.attn_1.norm", "mid_block.attentions.0.group_norm", StringComparison.Ordinal)
        .Replace("mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0", StringComparison.Ordinal)
        .Replace("mid.attn_1.", "mid_block.attentions.0.to_", StringComparison.Ordinal)
        .Replace(".norm_out.", ".conv_norm_out.", StringComparison.Ordinal)
        .Replace("nin_shortcut", "conv_shortcut", StringComparison.Ordinal)
        .Replace(".block.", ".resnets.", StringComparison.Ordinal)
        .Replace("downsample.conv", "downsamplers.0.conv", StringComparison.Ordinal)
        .Replace("upsample.conv", "upsamplers.0.conv", StringComparison.Ordinal)
        .Replace("encoder.down.", "encoder.down_blocks.", StringComparison.Ordinal)
        .Replace("decoder.up.0.", "decoder.up_blocks.3.", StringComparison.Ordinal)
        .Replace("decoder.up.1.", "decoder.up_blocks.2.", StringComparison.Ordinal)
        .Replace("decoder.up.2.", "decoder.up_blocks.1.", StringComparison.Ordinal)
        .Replace("decoder.up.3.", "decoder.up_blocks.0.", StringComparison.Ordinal);
}
