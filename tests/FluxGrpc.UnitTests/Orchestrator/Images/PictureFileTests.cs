using FluxGrpc.Orchestrator.Images;
using FluxGrpc.V1;
using ImageMagick;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Images;

public sealed class PictureFileTests
{
    private const int Width = 48;
    private const int Height = 32;

    private static readonly Dictionary<string, string> _texts = new()
    {
        ["prompt"] = "ein roter Kreis — 赤い円 🔴",
        ["seed"] = "18446744073709551615",
    };

    [Theory]
    [InlineData(ImageFormat.Unspecified, "image/png", MagickFormat.Png, 0)]
    [InlineData(ImageFormat.Png, "image/png", MagickFormat.Png, 0)]
    [InlineData(ImageFormat.Jpeg, "image/jpeg", MagickFormat.Jpeg, 2)]
    [InlineData(ImageFormat.Webp, "image/webp", MagickFormat.WebP, 3)]
    public void The_picture_and_its_settings_come_back(ImageFormat format, string mediaType, MagickFormat written, double meanError)
    {
        var file = PictureFile.Encode(format, Pixels(), Width, Height, _texts);

        Assert.Equal(mediaType, file.MediaType);
        using var image = new MagickImage(file.Data);
        Assert.Equal(written, image.Format);
        var errors = PictureReader.Read(file.Data, Width, Height).Zip(Pixels(), (read, drawn) => Math.Abs(read - drawn));
        Assert.InRange(errors.Average(), 0, meanError);
        Assert.Equal(_texts["prompt"], PictureReader.ReadSettings(file.Data)["prompt"]);
        Assert.Equal(_texts["seed"], PictureReader.ReadSettings(file.Data)["seed"]);
    }

    [Theory]
    [InlineData(ImageFormat.Png)]
    [InlineData(ImageFormat.Jpeg)]
    [InlineData(ImageFormat.Webp)]
    public void Equal_input_gives_equal_bytes(ImageFormat format) => Assert.Equal(
        PictureFile.Encode(format, Pixels(), Width, Height, _texts).Data, PictureFile.Encode(format, Pixels(), Width, Height, _texts).Data);

    /// <summary>A JPEG segment has 64 kB; the settings that fit are kept.</summary>
    [Fact]
    public void A_prompt_that_is_too_long_for_exif_does_not_cost_the_other_settings()
    {
        var texts = new Dictionary<string, string>(_texts) { ["prompt"] = new('赤', 30_000) };

        var settings = PictureReader.ReadSettings(PictureFile.Encode(ImageFormat.Jpeg, Pixels(), Width, Height, texts).Data);

        Assert.Equal(_texts["seed"], settings["seed"]);
        Assert.False(settings.ContainsKey("prompt"));
    }

    [Theory]
    [InlineData(ImageFormat.Png)]
    [InlineData(ImageFormat.Jpeg)]
    public void A_wrong_number_of_samples_is_refused(ImageFormat format) =>
        Assert.Throws<ArgumentException>(() => PictureFile.Encode(format, new byte[11], 2, 2, _texts));

    private static byte[] Pixels()
    {
        var pixels = new byte[Width * Height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(i % 3 == 0 ? 200 * (i / 3 % Width) / Width : 40 * (i % 3));
        return pixels;
    }
}
