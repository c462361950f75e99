using FluxGrpc.Orchestrator.Images;
using ImageMagick;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Images;

public sealed class PreviewPngTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(16, 16)]
    [InlineData(3, 70)]
    [InlineData(128, 96)]
    public void Another_reader_finds_the_pixels_that_were_written(int width, int height)
    {
        var pixels = new byte[width * height * PngWriter.Channels];
        new Random(width).NextBytes(pixels);

        var file = PreviewPng.Encode(pixels, width, height);

        using var read = new MagickImage(file);
        Assert.Equal((MagickFormat.Png, (uint)width, (uint)height), (read.Format, read.Width, read.Height));
        using var samples = read.GetPixels();
        Assert.Equal(pixels, samples.ToByteArray(PixelMapping.RGB));
    }
}
