using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class TransformerConfigReaderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-config-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Sizes_come_from_the_tensors_and_axes_from_the_config()
    {
        var config = Read("transformer_dev", _ => { });

        Assert.Equal((64, 64, 48, 24), (config.InChannels, config.OutChannels, config.ContextSize, config.PooledSize));
        Assert.Equal((64, 256, 2, 32), (config.HiddenSize, config.MlpSize, config.HeadCount, config.HeadSize));
        Assert.Equal((2, 3), (config.DoubleBlockCount, config.SingleBlockCount));
        Assert.Equal([8, 12, 12], config.AxesSizes);
        Assert.True(config.TakesGuidance);
        Assert.True(config.HasQueryKeyValueBias);
    }

    [Fact]
    public void A_config_without_sizes_will_do() =>
        Assert.False(Read("transformer_schnell", config =>
        {
            foreach (var key in config.Select(pair => pair.Key).Where(key => key != "axes_dims_rope").ToList())
                config.Remove(key);
        }).TakesGuidance);

    [Theory]
    [InlineData("in_channels", 128)]
    [InlineData("out_channels", 16)]
    [InlineData("num_layers", 19)]
    [InlineData("num_single_layers", int.MaxValue)]
    [InlineData("attention_head_dim", 128)]
    [InlineData("num_attention_heads", 24)]
    [InlineData("joint_attention_dim", 4096)]
    [InlineData("pooled_projection_dim", 768)]
    public void A_size_that_contradicts_the_tensors_is_named(string key, int value)
    {
        var exception = Assert.Throws<InvalidDataException>(() => Read("transformer_dev", config => config[key] = value));

        Assert.Contains(key, exception.Message, StringComparison.Ordinal);
        Assert.Contains($"{value}", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Guidance_that_contradicts_the_tensors_is_named() => Assert.Contains("guidance_embeds",
        Assert.Throws<InvalidDataException>(() => Read("transformer_dev", config => config["guidance_embeds"] = false)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("[8, 12, 11]")]
    [InlineData("[8, 12, 14]")]
    [InlineData("[9, 11, 12]")]
    [InlineData("[16, 16]")]
    [InlineData("[-8, 20, 20]")]
    [InlineData("[]")]
    public void Axes_that_do_not_fit_the_head_are_named(string axes) => Assert.Contains("axes",
        Assert.Throws<InvalidDataException>(() =>
            Read("transformer_dev", config => config["axes_dims_rope"] = JsonNode.Parse(axes))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Axes_that_nothing_tells_are_asked_for() => Assert.Contains("axes_dims_rope",
        Assert.Throws<InvalidDataException>(() => Read("transformer_dev", config => config.Remove("axes_dims_rope"))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Missing_tensors_are_all_listed_where_the_config_tells_their_sizes()
    {
        string[] missing = ["img_in.weight", "txt_in.weight", "final_layer.linear.weight", "single_blocks.2.linear2.bias"];
        using (var scope = NewDisposeScope())
        using (var golden = GoldenFolder.Open("transformer_dev.safetensors"))
        {
            File.WriteAllText(Path.Combine(_folder.FullName, "config.json"), GoldenFolder.Config("transformer_dev").GetRawText());
            SafetensorsWriter.Write(Path.Combine(_folder.FullName, "model.safetensors"),
                golden.Names.Except(missing).Select(name => TensorContent.Of(name, golden[name])));
        }

        using var checkpoint = Checkpoint.Open(_folder.FullName, ModelComponent.Transformer);
        using var transformer = new FluxTransformer(TransformerConfigReader.Read(checkpoint), META);
        var exception = Assert.Throws<InvalidDataException>(() => checkpoint.Validate(transformer));

        Assert.All(missing, name => Assert.Contains(name, exception.Message, StringComparison.Ordinal));
        Assert.Contains("4 missing", exception.Message, StringComparison.Ordinal);
    }

    private TransformerConfig Read(string model, Action<JsonObject> change)
    {
        var config = JsonNode.Parse(GoldenFolder.Config(model).GetRawText())!.AsObject();
        change(config);
        File.WriteAllText(Path.Combine(_folder.FullName, "config.json"), config.ToJsonString());
        File.Copy(GoldenFolder.PathOf($"{model}.safetensors"), Path.Combine(_folder.FullName, "model.safetensors"), overwrite: true);
        using var checkpoint = Checkpoint.Open(_folder.FullName, ModelComponent.Transformer);
        return TransformerConfigReader.Read(checkpoint);
    }
}
