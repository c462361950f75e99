using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Model;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.TextEncoder;

/// <summary>The text encoders of FLUX.1 at their real size, on the meta device, which holds no numbers.</summary>
public sealed class FullSizeTests
{
    [Fact]
    public void T5_xxl_has_its_known_parameters()
    {
        using var model = new T5Encoder(FullSize.T5, META);

        Assert.Equal(4_762_310_656, Count(model));
        Assert.Equal(219, model.named_parameters().Count());
    }

    [Fact]
    public void Clip_l_has_its_known_parameters()
    {
        using var model = new ClipTextModel(FullSize.Clip, META);

        Assert.Equal(123_060_480, Count(model));
        Assert.Equal(196, model.named_parameters().Count());
    }

    private static long Count(nn.Module model) => model.parameters().Sum(parameter => parameter.numel());
}
