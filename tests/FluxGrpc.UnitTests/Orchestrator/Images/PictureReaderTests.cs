using System.Text;
using CsCheck;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.V1;
using ImageMagick;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Images;

public sealed class PictureReaderTests
{
    [Fact]
    public void A_picture_is_scaled_and_its_transparency_becomes_white()
    {
        using var image = new MagickImage(MagickColors.Transparent, 10, 20);

        var pixels = PictureReader.Read(image.ToByteArray(MagickFormat.Png), 32, 16);

        Assert.Equal(32 * 16 * 3, pixels.Length);
        Assert.All(pixels, sample => Assert.Equal(255, sample));
    }

    [Fact]
    public void Gray_and_palette_pictures_are_read_as_rgb()
    {
        using var image = new MagickImage(new MagickColor("#808080"), 16, 16) { ColorSpace = ColorSpace.Gray, Depth = 8 };

        var pixels = PictureReader.Read(image.ToByteArray(MagickFormat.Png), 16, 16);

        Assert.All(pixels, sample => Assert.InRange(sample, 126, 130));
    }

    [Theory]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>")]
    [InlineData("push graphic-context\nimage over 0,0 0,0 'https://example.com/x'")]
    [InlineData("%!PS-Adobe-3.0")]
    [InlineData("GIF89a")]
    [InlineData("")]
    public void Other_formats_are_not_even_tried(string file)
    {
        var error = Assert.Throws<InvalidDataException>(() => PictureReader.Read(Encoding.UTF8.GetBytes(file), 16, 16));
        Assert.Contains("PNG, JPEG or WebP", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A header that claims more pixels than there may be is refused before anything is decoded.</summary>
    [Fact]
    public void A_picture_that_would_be_too_large_is_refused()
    {
        using var image = new MagickImage(MagickColors.Red, 20_000, 3_000);
        var error = Assert.Throws<InvalidDataException>(() => PictureReader.ReadSize(image.ToByteArray(MagickFormat.Png)));
        Assert.Contains("20000×3000", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ImageFormat.Png)]
    [InlineData(ImageFormat.Jpeg)]
    [InlineData(ImageFormat.Webp)]
    public void Any_bytes_give_a_picture_or_one_clear_error(ImageFormat format)
    {
        var file = PictureFile.Encode(format, new byte[24 * 16 * 3], 24, 16, new Dictionary<string, string> { ["seed"] = "1" }).Data;
        Gen.Select(Gen.Int[0, file.Length], Gen.Select(Gen.Int[0, 200], Gen.Byte).Array[0, 8]).Sample((length, changes) =>
        {
            var broken = file[..length];
            foreach (var (place, value) in changes.Where(change => change.Item1 < length))
                broken[place] = value;
            try
            {
                Assert.Equal(16 * 16 * 3, PictureReader.Read(broken, 16, 16).Length);
                _ = PictureReader.ReadSettings(broken);
            }
            catch (InvalidDataException)
            {
            }
        }, iter: 200, threads: 1);
    }
}
