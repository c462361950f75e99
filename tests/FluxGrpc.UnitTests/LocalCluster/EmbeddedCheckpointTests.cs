using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.TextEncoder.Tokenization;
using FluxGrpc.Vae.Model;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.LocalCluster;

/// <summary>The checkpoint that is committed, as it lies beside every program that embeds the services.</summary>
public sealed class EmbeddedCheckpointTests
{
    private const long MostBytes = 12_000_000;

    private static readonly string _folder = Path.Combine(AppContext.BaseDirectory, "checkpoint");

    [Fact]
    public void It_is_small() => Assert.InRange(
        new DirectoryInfo(_folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length), 1, MostBytes);

    [Fact]
    public void Each_part_is_what_its_config_says()
    {
        using (var named = Checkpoint.Open(_folder, ModelComponent.Vae))
            Assert.Equal("flux-mini", named.Name);
        AssertFits(ModelComponent.Transformer, checkpoint => new FluxTransformer(TransformerConfigReader.Read(checkpoint), META));
        AssertFits(ModelComponent.Vae, checkpoint => new AutoEncoder(AutoEncoderConfig.Read(checkpoint), META));
        AssertFits(ModelComponent.ClipText, checkpoint => new ClipTextModel(ClipConfig.Read(checkpoint), META));
        AssertFits(ModelComponent.T5, checkpoint => new T5Encoder(T5Config.Read(checkpoint), META));
    }

    [Fact]
    public void The_tokenizers_fit_the_text_encoders()
    {
        using var clip = Checkpoint.Open(_folder, ModelComponent.ClipText);
        using var t5 = Checkpoint.Open(_folder, ModelComponent.T5);

        var clipIds = ClipTokenizer.Load(Path.Combine(_folder, "tokenizer")).Encode("a red circle", length: 77).Ids;
        var t5Ids = T5Tokenizer.Load(Path.Combine(_folder, "tokenizer_2")).Encode("a red circle", length: 128).Ids;

        Assert.All(clipIds, id => Assert.InRange(id, 0, ClipConfig.Read(clip).VocabularySize - 1));
        Assert.All(t5Ids, id => Assert.InRange(id, 0, T5Config.Read(t5).VocabularySize - 1));
        Assert.Contains(ClipConfig.Read(clip).EndTokenId, clipIds);
    }

    private static void AssertFits(ModelComponent component, Func<Checkpoint, nn.Module> build)
    {
        using var checkpoint = Checkpoint.Open(_folder, component);
        using var module = build(checkpoint);

        Assert.True(checkpoint.Config.Exists);
        checkpoint.Validate(module);
    }
}
