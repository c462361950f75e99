using FluxGrpc.LocalCluster;
using FluxGrpc.Testing;
using FluxGrpc.Training;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Training;

public sealed class StartCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_T5_encoder_comes_along_unless_a_new_one_is_to_read(bool withT5)
    {
        using var scope = NewDisposeScope();
        var start = new StartCheckpoint(EmbeddedCheckpoint.Folder, CPU);
        start.CopyTokenizers(_folder.Path);
        using var model = new FlowModel(_folder.Path, seed: 3, CPU, ScalarType.Float32);
        var transformer = Values(model.Transformer);
        var clip = Values(model.Text.Clip);
        var t5 = Values(model.Text.T5);

        start.LoadInto(model, withT5);

        using var former = start.LoadT5(model.Text.T5Config, ScalarType.Float32);
        Assert.Equal(withT5 ? Values(former) : t5, Values(model.Text.T5));
        Assert.NotEqual(transformer, Values(model.Transformer));
        Assert.NotEqual(clip, Values(model.Text.Clip));
    }

    private static float[] Values(nn.Module module) => [.. module.parameters().SelectMany(parameter => parameter.data<float>())];
}
