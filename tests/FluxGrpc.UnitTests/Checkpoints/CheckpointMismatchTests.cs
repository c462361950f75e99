using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class CheckpointMismatchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Missing_unexpected_and_misshaped_tensors_come_in_one_message_with_counts_and_the_layout()
    {
        var official = GoldenFolder.Keys("flux_dev_keys.json.gz");
        var stored = official.Where(pair => !pair.Key.StartsWith("single_blocks.3", StringComparison.Ordinal))
            .Select(pair => pair.Key == "img_in.weight" ? (pair.Key, [3072, 384]) : pair)
            .Append(("surprise.weight", [1]));

        var message = ErrorOf(stored);

        Assert.Contains("'x.safetensors' (layout Official) is not this transformer", message, StringComparison.Ordinal);
        Assert.Contains("72 missing: single_blocks.3.linear1.weight, ", message, StringComparison.Ordinal);
        Assert.Contains(", and 62 more; ", message, StringComparison.Ordinal);
        Assert.Contains("1 unexpected: surprise.weight; ", message, StringComparison.Ordinal);
        Assert.EndsWith("1 of another shape: img_in.weight [3072, 384] instead of [3072, 64]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_lacks_a_part_says_which_parts_are_there()
    {
        var stored = GoldenFolder.Keys("flux_dev_diffusers_keys.json.gz")
            .Where(pair => pair.Key != "transformer_blocks.4.attn.to_k.bias");

        var message = ErrorOf(stored);

        Assert.Contains("(layout Diffusers)", message, StringComparison.Ordinal);
        Assert.EndsWith("(of which only transformer_blocks.4.attn.to_q.bias, transformer_blocks.4.attn.to_v.bias)", message,
            StringComparison.Ordinal);
        Assert.Contains(": 1 missing: double_blocks.4.img_attn.qkv.bias (", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("transformer_blocks.0.attn.to_q.wait")]
    [InlineData("transformer_blocks.00.attn.to_q.weight")]
    [InlineData("transformer_blocks.-1.attn.to_q.weight")]
    [InlineData("transformer_blocks.99999999999.attn.to_q.weight")]
    [InlineData("transformer_blocks.0.attn.norm_q.bias")]
    [InlineData("single_transformer_blocks.0")]
    [InlineData("other_blocks.0.attn.to_q.weight")]
    [InlineData("x_embedder")]
    public void Names_that_no_layout_has_are_unexpected(string name)
    {
        var message = ErrorOf(GoldenFolder.Keys("flux_dev_diffusers_keys.json.gz").Append((name, [1])));
        Assert.Contains(" unexpected: ", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("decoder.up_blocks.4.resnets.0.conv1.weight")]
    [InlineData("decoder.mid_block.resnets.2.conv1.weight")]
    [InlineData("decoder.mid_block.attentions.1.to_q.weight")]
    [InlineData("decoder.up_blocks.0.resnets.0.conv3.weight")]
    [InlineData("quant_conv.weight")]
    [InlineData("weight")]
    public void Names_that_the_autoencoder_does_not_have_are_unexpected(string name)
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path, GoldenFolder.Keys("vae_diffusers_keys.json.gz").Append((name, [1])));
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Vae);
        using var module = new KeyTree(GoldenFolder.Keys("ae_keys.json.gz"));

        var error = Assert.Throws<InvalidDataException>(() => checkpoint.Validate(module));

        Assert.Contains(" unexpected: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whole_numbers_are_no_weights()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path, GoldenFolder.Keys("flux_dev_keys.json.gz"), StorageType.UInt8);
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        using var module = new KeyTree(GoldenFolder.Keys("flux_dev_keys.json.gz"));

        var error = Assert.Throws<InvalidDataException>(() => checkpoint.Validate(module));

        Assert.Contains("780 not of a floating-point type: img_in.weight U8 [3072, 64], ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_loaded_where_anything_is_wrong()
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("transformer_dev.safetensors"), ModelComponent.Transformer);
        using var module = new KeyTree([.. checkpoint.Tensors.Values.Select(tensor => (tensor.Name, tensor.Shape)), ("extra", [1])]);

        Assert.Throws<InvalidDataException>(() => checkpoint.LoadInto(module, ComputeDevice.Open("cpu", "float32")));

        Assert.All(module.parameters(), parameter => Assert.Equal(TorchSharp.DeviceType.META, parameter.device_type));
    }

    private string ErrorOf(IEnumerable<(string Key, IReadOnlyList<long> Shape)> stored)
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path, stored);
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        using var module = new KeyTree(GoldenFolder.Keys("flux_dev_keys.json.gz"));
        return Assert.Throws<InvalidDataException>(() => checkpoint.Validate(module)).Message;
    }
}
