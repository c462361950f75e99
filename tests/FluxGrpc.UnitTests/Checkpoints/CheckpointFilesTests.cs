using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

/// <summary>Which file is meant by the path that a user gives.</summary>
public sealed class CheckpointFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_Hugging_Face_folder_holds_all_components_and_the_tokenizers()
    {
        Write(ModelComponent.Transformer, "transformer", "diffusion_pytorch_model.safetensors");
        Write(ModelComponent.Vae, "vae", "diffusion_pytorch_model.safetensors");
        Write(ModelComponent.ClipText, "text_encoder", "model.safetensors");
        Write(ModelComponent.T5, "text_encoder_2", "model.safetensors");
        Write(ModelComponent.Transformer, "flux1-dev.safetensors"); // As in the official repository, which has both.
        File.WriteAllText(_folder.PathOf("tokenizer_2", "spiece.model"), "");
        File.WriteAllText(_folder.PathOf("model_index.json"), "{}");
        File.WriteAllText(_folder.PathOf("vae", "config.json"), """{"latent_channels":16}""");

        foreach (var component in Enum.GetValues<ModelComponent>())
        {
            using var checkpoint = Checkpoint.Open(_folder.Path + "/", component);
            Assert.Equal(Path.GetFileName(_folder.Path), checkpoint.Name);
            Assert.Equal(_folder.PathOf("tokenizer_2"), checkpoint.FindFolder("tokenizer_2"));
            Assert.Equal(_folder.PathOf("model_index.json"), checkpoint.FindFile("model_index.json"));
            Assert.Null(checkpoint.FindFolder("tokenizer"));
            Assert.Equal(component == ModelComponent.Vae, checkpoint.Config.Exists);
        }

        using var vae = Checkpoint.Open(_folder.PathOf("vae"), ModelComponent.Vae);
        Assert.Equal("vae", vae.Name);
        Assert.Equal(16, vae.Config.TryGetInt("latent_channels"));
        Assert.NotNull(vae.FindFolder("tokenizer_2"));
    }

    [Theory]
    [InlineData("flux1-dev.safetensors", "ae.safetensors", "clip_l.safetensors", "t5xxl_fp16.safetensors")]
    [InlineData("flux1-schnell-fp8.safetensors", "flux_vae.safetensors", "clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors")]
    public void A_folder_of_single_files_holds_all_components(string transformer, string vae, string clip, string t5)
    {
        Write(ModelComponent.Transformer, transformer);
        Write(ModelComponent.Vae, vae);
        Write(ModelComponent.ClipText, clip);
        Write(ModelComponent.T5, t5);
        Directory.CreateDirectory(_folder.PathOf("tokenizer"));

        foreach (var component in Enum.GetValues<ModelComponent>())
        {
            using var checkpoint = Checkpoint.Open(_folder.Path, component);
            Assert.NotNull(checkpoint.FindFolder("tokenizer"));
            Assert.Equal(1, checkpoint.ParameterCount);
        }
    }

    [Fact]
    public void A_file_is_taken_whatever_its_name()
    {
        Write(ModelComponent.Vae, "anything.safetensors");

        using var file = Checkpoint.Open(_folder.PathOf("anything.safetensors"), ModelComponent.Vae);
        using var onlyOne = Checkpoint.Open(_folder.Path, ModelComponent.Vae);

        Assert.Equal("anything.safetensors", file.Name);
        Assert.Equal(1, onlyOne.ParameterCount);
    }

    [Fact]
    public void Two_files_that_can_be_meant_are_listed()
    {
        Write(ModelComponent.Transformer, "flux1-dev.safetensors");
        Write(ModelComponent.Transformer, "flux1-schnell.safetensors");

        AssertRefused(_folder.Path,
            "more than one, that can be the transformer; .safetensors files there: flux1-dev.safetensors, flux1-schnell.safetensors");
    }

    [Fact]
    public void What_is_no_checkpoint_is_refused_by_name()
    {
        AssertRefused(_folder.Path, ".safetensors files there: none");
        AssertRefused(_folder.PathOf("absent"), "does not exist");
        File.WriteAllText(_folder.PathOf("model.ckpt"), "pickle");
        AssertRefused(_folder.PathOf("model.ckpt"), "no other format is read");
    }

    private static void AssertRefused(string path, string complaint)
    {
        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path, ModelComponent.Transformer));
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
    }

    private void Write(ModelComponent component, params ReadOnlySpan<string> name)
    {
        var key = component switch
        {
            ModelComponent.Transformer => "double_blocks.0.a",
            ModelComponent.Vae => "encoder.down.0.a",
            ModelComponent.ClipText => "text_model.a",
            _ => "encoder.block.0.a",
        };
        HeaderOnlyFile.Write(_folder.PathOf(name), [(key, [1])]);
    }
}
