using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Training;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Training;

public sealed class FlowInitializationTests
{
    [Fact]
    public void The_text_encoder_begins_with_heads_that_tell_before_from_after()
    {
        using var encoder = new T5Encoder(MiniModel.T5(vocabularySize: 16));
        using var generator = new torch.Generator(1);

        FlowInitialization.Apply(encoder, generator);

        var bias = encoder.named_parameters()
            .Single(entry => entry.name.EndsWith("relative_attention_bias.weight", StringComparison.Ordinal)).parameter;
        var before = Row(RelativePosition.Bucket(-1, 32, 128));
        var after = Row(RelativePosition.Bucket(1, 32, 128));
        var farAfter = Row(RelativePosition.Bucket(12, 32, 128));
        Assert.True(before[0] > after[0] + 3, "the first head looks at what comes before");
        Assert.True(after[1] > before[1] + 3, "the second at what comes after");
        Assert.True(before[2] == after[2] && after[2] > farAfter[2], "the third at what is near");
        Assert.Equal([0f, 0f, 0f], [before[3], after[3], farAfter[3]]);

        float[] Row(long bucket) => [.. bias[bucket].data<float>()];
    }
}
