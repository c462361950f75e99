using FluxGrpc.Testing;
using FluxGrpc.Vae;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Vae;

public sealed class PixelConversionTests
{
    [Theory]
    [InlineData(-1f, 0)]
    [InlineData(-7f, 0)]
    [InlineData(0f, 127)]
    [InlineData(0.0039f, 127)]
    [InlineData(0.0040f, 128)]
    [InlineData(0.9999f, 254)]
    [InlineData(1f, 255)]
    [InlineData(7f, 255)]
    public void Levels_are_clamped_and_truncated(float value, byte level)
    {
        using var scope = torch.NewDisposeScope();

        var bytes = PixelConversion.ToBytes(torch.full(1, 3, 2, 2, value));

        Assert.All(bytes.data<byte>().ToArray(), actual => Assert.Equal(level, actual));
    }

    [Fact]
    public void Channels_become_the_last_dimension()
    {
        using var scope = torch.NewDisposeScope();
        var image = torch.stack([torch.full(2, 4, -1f), torch.full(2, 4, 0f), torch.full(2, 4, 1f)]).unsqueeze(0);

        var bytes = PixelConversion.ToBytes(image);

        Assert.Equal([2, 4, 3], bytes.shape);
        Assert.Equal([0, 127, 255, 0, 127, 255], bytes.data<byte>().ToArray()[..6]);
    }

    [Fact]
    public void Bytes_become_values_between_minus_one_and_one()
    {
        using var scope = torch.NewDisposeScope();
        var pixels = torch.tensor(new byte[] { 0, 51, 255, 102, 0, 255 }).reshape(1, 2, 3);

        var image = PixelConversion.FromBytes(pixels);

        Assert.Equal([1, 3, 1, 2], image.shape);
        Assert.Equal([-1f, -0.2f, -0.6f, -1f, 1f, 1f], image.data<float>().ToArray().Select(value => MathF.Round(value, 6)));
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        var before = LiveTensors.CountSettled();

        using (var image = torch.zeros(1, 3, 16, 16))
        using (var bytes = PixelConversion.ToBytes(image))
            PixelConversion.FromBytes(bytes).Dispose();

        Assert.Equal(before, torch.Tensor.TotalCount);
    }
}
