using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

/// <summary>Full-size checkpoints by their headers: each layout's names give the official names and shapes, one to one.</summary>
public sealed class KeyMapTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("flux_dev", "flux_dev", "", CheckpointLayout.Official, 11_901_408_320)]
    [InlineData("flux_schnell", "flux_schnell", "", CheckpointLayout.Official, 11_891_178_560)]
    [InlineData("flux_dev_diffusers", "flux_dev", "", CheckpointLayout.Diffusers, 11_901_408_320)]
    [InlineData("flux_schnell_diffusers", "flux_schnell", "", CheckpointLayout.Diffusers, 11_891_178_560)]
    [InlineData("flux_dev", "flux_dev", "model.diffusion_model.", CheckpointLayout.ComfyUi, 11_901_408_320)]
    [InlineData("ae", "ae", "", CheckpointLayout.Official, 83_819_683)]
    [InlineData("vae_diffusers", "ae", "", CheckpointLayout.Diffusers, 83_819_683)]
    [InlineData("ae", "ae", "vae.", CheckpointLayout.ComfyUi, 83_819_683)]
    public void Every_layout_maps_one_to_one_onto_the_official_names(
        string stored, string official, string prefix, CheckpointLayout layout, long parameters)
    {
        var path = _folder.PathOf("flux1-full.safetensors");
        HeaderOnlyFile.Write(path, GoldenFolder.Keys(stored + "_keys.json.gz").Select(pair => (prefix + pair.Key, pair.Shape)));

        using var checkpoint = Checkpoint.Open(path, official == "ae" ? ModelComponent.Vae : ModelComponent.Transformer);
        using var module = new KeyTree(GoldenFolder.Keys(official + "_keys.json.gz"));
        checkpoint.Validate(module);

        Assert.Equal(layout, checkpoint.Layout);
        Assert.Equal(parameters, checkpoint.ParameterCount);
        Assert.Equal(2 * parameters, checkpoint.ByteLength);
    }

    [Fact]
    public void A_bundle_holds_all_four_components()
    {
        var path = _folder.PathOf("flux1-dev-bundle.safetensors");
        using (var clip = SafetensorsFile.Open(GoldenFolder.PathOf("clip.safetensors")))
        using (var t5 = SafetensorsFile.Open(GoldenFolder.PathOf("t5.safetensors")))
        {
            HeaderOnlyFile.Write(path,
            [
                .. GoldenFolder.Keys("flux_dev_keys.json.gz").Select(pair => ("model.diffusion_model." + pair.Key, pair.Shape)),
                .. GoldenFolder.Keys("ae_keys.json.gz").Select(pair => ("vae." + pair.Key, pair.Shape)),
                .. clip.Tensors.Values.Select(entry => ("text_encoders.clip_l.transformer." + entry.Name, entry.Shape)),
                .. t5.Tensors.Values.Select(entry => ("text_encoders.t5xxl.transformer." + entry.Name, entry.Shape)),
                ("text_encoders.t5xxl.transformer.encoder.embed_tokens.weight", [256, 48]),
                ("text_encoders.clip_l.logit_scale", []),
                ("text_encoders.clip_l.transformer.text_projection.weight", [48, 48]),
                ("text_encoders.clip_l.transformer.text_model.embeddings.position_ids", [1, 77]),
            ]);
        }

        foreach (var (component, tensors) in new[]
        {
            (ModelComponent.Transformer, 780), (ModelComponent.Vae, 244), (ModelComponent.ClipText, 52), (ModelComponent.T5, 30),
        })
        {
            using var checkpoint = Checkpoint.Open(path, component);
            Assert.Equal(CheckpointLayout.ComfyUi, checkpoint.Layout);
            Assert.Equal(tensors, checkpoint.Tensors.Count);
        }
    }

    [Fact]
    public void Text_encoders_are_found_under_each_of_their_names()
    {
        var clip = _folder.PathOf("clip_l.safetensors");
        HeaderOnlyFile.Write(clip,
        [
            ("embeddings.token_embedding.weight", [9, 4]),
            ("encoder.layers.0.mlp.fc1.bias", [8]),
            ("text_projection.weight", [4, 4]),
            ("logit_scale", []),
        ]);
        using var unprefixed = Checkpoint.Open(clip, ModelComponent.ClipText);
        Assert.Equal(
            ["text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.mlp.fc1.bias"], unprefixed.Tensors.Keys.Order());
        Assert.Equal(CheckpointLayout.HuggingFace, unprefixed.Layout);

        var t5 = _folder.PathOf("t5xxl_fp16.safetensors");
        HeaderOnlyFile.Write(t5, [("encoder.embed_tokens.weight", [9, 4]), ("encoder.block.0.layer.0.layer_norm.weight", [4])]);
        using var tableOnly = Checkpoint.Open(t5, ModelComponent.T5);
        Assert.Equal(["encoder.block.0.layer.0.layer_norm.weight", "shared.weight"], tableOnly.Tensors.Keys.Order());
    }

    [Fact]
    public void Another_component_s_file_is_told_apart()
    {
        var path = GoldenFolder.PathOf("t5.safetensors");
        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path, ModelComponent.Transformer));
        Assert.Contains("not a transformer in any known layout", error.Message, StringComparison.Ordinal);
        Assert.Contains("encoder.block.0.layer.0.SelfAttention.k.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_that_do_not_fit_together_are_named()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path,
        [
            ("transformer_blocks.0.attn.to_q.weight", [4, 4]),
            ("transformer_blocks.0.attn.to_k.weight", [4, 5]),
            ("transformer_blocks.0.attn.to_v.weight", [4, 4]),
        ]);
        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path, ModelComponent.Transformer));
        Assert.Contains("'double_blocks.0.img_attn.qkv.weight' cannot be put together", error.Message, StringComparison.Ordinal);
        Assert.Contains("to_k.weight BF16 [4, 5]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_tensors_for_one_place_are_refused()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path,
            [("transformer_blocks.0.ff.net.2.weight", [4, 4]), ("x_embedder.weight", [4, 4]), ("img_in.weight", [4, 4])]);
        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path, ModelComponent.Transformer));
        Assert.Contains("both hold 'img_in.weight'", error.Message, StringComparison.Ordinal);
    }
}
