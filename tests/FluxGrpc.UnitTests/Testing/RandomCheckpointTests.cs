using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.TextEncoder.Tokenization;
using FluxGrpc.Torch;
using FluxGrpc.Vae.Model;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Testing;

public sealed class RandomCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ComputeDevice _device = ComputeDevice.Open("cpu", "float32");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Everything_it_makes_is_finite_and_of_a_sensible_size(bool schnell)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var model = schnell ? RandomModel.Mini.AsSchnell() : RandomModel.Mini;
        RandomCheckpoint.Write(_folder.Path, model);
        using var t5 = Load(ModelComponent.T5, checkpoint => new T5Encoder(T5Config.Read(checkpoint), META));
        using var clip = Load(ModelComponent.ClipText, checkpoint => new ClipTextModel(ClipConfig.Read(checkpoint), META));
        using var transformer = Load(ModelComponent.Transformer, checkpoint =>
            new FluxTransformer(TransformerConfigReader.Read(checkpoint), META));
        using var vae = Load(ModelComponent.Vae, checkpoint => new AutoEncoder(AutoEncoderConfig.Read(checkpoint), META));

        var hiddenStates = t5.call(Ids(T5Tokenizer.Load(_folder.PathOf("tokenizer_2")).Encode("a red circle", length: 16)));
        var (_, pooled) = clip.call(Ids(ClipTokenizer.Load(_folder.PathOf("tokenizer")).Encode("a red circle", length: 77)));
        var latents = randn(1, 24, 64, generator: new Generator(1, CPU));
        var velocity = transformer.call(new TransformerInput
        {
            Latents = latents,
            HiddenStates = hiddenStates,
            Pooled = pooled,
            Timesteps = ones(1),
            Guidance = schnell ? null : full(1, 3.5f),
            Positions = Rope.Positions(16, 4, 6),
        });
        var picture = vae.Decode(randn(1, 16, 8, 12, generator: new Generator(1, CPU)));

        AssertSensible(hiddenStates, pooled, velocity, picture, vae.Encode(picture.clamp(-1, 1)));
    }

    [Fact]
    public void Equal_seeds_give_equal_files_and_other_seeds_others()
    {
        var first = WriteVae("first", seed: 7);

        Assert.Equal(first, WriteVae("again", seed: 7));
        Assert.NotEqual(first, WriteVae("other", seed: 8));
    }

    [Theory]
    [InlineData(StorageType.Float32)]
    [InlineData(StorageType.BFloat16)]
    [InlineData(StorageType.Float16)]
    public void A_transformer_is_written_alone_in_each_type(StorageType type)
    {
        RandomCheckpoint.WriteTransformer(_folder.Path, RandomModel.Mini.Transformer, type);

        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.Transformer);
        var config = TransformerConfigReader.Read(checkpoint);
        Assert.Equal(RandomModel.Mini.Transformer with { AxesSizes = config.AxesSizes }, config);
        Assert.Equal(RandomModel.Mini.Transformer.AxesSizes, config.AxesSizes);
        Assert.All(checkpoint.Tensors.Values, tensor => Assert.Equal(type, tensor.Type));
        Assert.True(checkpoint.Config.TryGetBool("_random_weights"));
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        var model = RandomModel.Mini with { T5 = RandomModel.Mini.T5 with { HiddenSize = 32 } };

        Assert.Throws<ArgumentException>(() => RandomCheckpoint.Write(_folder.Path, model));
    }

    private byte[] WriteVae(string name, long seed)
    {
        RandomCheckpoint.Write(_folder.PathOf(name), RandomModel.Mini with { Seed = seed });
        return File.ReadAllBytes(_folder.PathOf(name, "vae", "diffusion_pytorch_model.safetensors"));
    }

    private TModule Load<TModule>(ModelComponent component, Func<Checkpoint, TModule> build)
        where TModule : nn.Module
    {
        using var checkpoint = Checkpoint.Open(_folder.Path, component);
        var module = build(checkpoint);
        checkpoint.LoadInto(module, _device);
        return module;
    }

    private static Tensor Ids(TokenSequence sequence) => tensor(sequence.Ids.Select(id => (long)id).ToArray()).unsqueeze(0);

    private static void AssertSensible(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (var value in tensors)
        {
            Assert.True(value.isfinite().all().item<bool>());
            Assert.InRange(value.std().item<float>(), 0.1f, 4f);
        }
    }
}
