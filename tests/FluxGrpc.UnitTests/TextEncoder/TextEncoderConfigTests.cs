using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Model;
using Xunit;

namespace FluxGrpc.UnitTests.TextEncoder;

public sealed class TextEncoderConfigTests : IDisposable
{
    private readonly TextEncoderFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void T5_needs_no_config()
    {
        var withFile = ReadT5();
        File.Delete(Path.Combine(_folder.T5, "config.json"));

        Assert.Equal(withFile, ReadT5());
        Assert.Equal((256, 48, 16, 4, 96, 3, 32),
            (withFile.VocabularySize, withFile.HiddenSize, withFile.HeadSize, withFile.HeadCount, withFile.FeedForwardSize,
                withFile.LayerCount, withFile.RelativeBucketCount));
    }

    [Theory]
    [InlineData("vocab_size", 257, "256")]
    [InlineData("d_model", 64, "48")]
    [InlineData("d_kv", 64, "16")]
    [InlineData("num_heads", 8, "4")]
    [InlineData("d_ff", 97, "96")]
    [InlineData("num_layers", 2, "3")]
    [InlineData("relative_attention_num_buckets", 16, "32")]
    [InlineData("relative_attention_max_distance", 8, "32")]
    [InlineData("feed_forward_proj", "relu", "gated-gelu")]
    public void A_T5_config_that_contradicts_the_tensors_is_refused(string key, object stated, string found) =>
        AssertContradiction("text_encoder_2", key, stated, found, () => ReadT5());

    [Theory]
    [InlineData("vocab_size", 49408, "512")]
    [InlineData("hidden_size", 768, "48")]
    [InlineData("intermediate_size", 96, "192")]
    [InlineData("num_hidden_layers", 12, "3")]
    [InlineData("max_position_embeddings", 248, "77")]
    [InlineData("num_attention_heads", 5, "48")]
    [InlineData("hidden_act", "gelu", "quick_gelu")]
    public void A_clip_config_that_contradicts_the_tensors_is_refused(string key, object stated, string found) =>
        AssertContradiction("text_encoder", key, stated, found, () => ReadClip());

    [Theory]
    [InlineData(511, 511)]
    [InlineData(100, 100)]
    [InlineData(2, 511)]       // OpenAI's published config.json
    [InlineData(49407, 511)]   // not in the vocabulary
    [InlineData(null, 511)]
    public void The_end_token_is_the_stated_one_unless_that_is_wrong(int? stated, int expected)
    {
        _folder.EditConfig("text_encoder", config => config["eos_token_id"] = stated);

        Assert.Equal(expected, ReadClip().EndTokenId);
    }

    [Fact]
    public void Clip_without_config_has_a_head_for_each_64_channels()
    {
        File.Delete(Path.Combine(_folder.Clip, "config.json"));

        Assert.Equal(1, ReadClip().HeadCount);
    }

    private void AssertContradiction(string folder, string key, object stated, string found, Action read)
    {
        _folder.EditConfig(folder, config => config[key] = JsonValue.Create(stated));

        var exception = Assert.Throws<InvalidDataException>(read);

        Assert.Contains(key, exception.Message, StringComparison.Ordinal);
        Assert.Contains($"{stated}", exception.Message, StringComparison.Ordinal);
        Assert.Contains(found, exception.Message, StringComparison.Ordinal);
    }

    private T5Config ReadT5()
    {
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.T5);
        return T5Config.Read(checkpoint);
    }

    private ClipConfig ReadClip()
    {
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.ClipText);
        return ClipConfig.Read(checkpoint);
    }
}
