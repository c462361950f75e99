using FluxGrpc.Scenes;
using SkiaSharp;

namespace FluxGrpc.Cli.Evaluation;

/// <summary>PNG files and pixels.</summary>
internal static class PngPixels
{
    /// <summary>Reads a picture; transparency is ignored.</summary>
    /// <exception cref="InvalidDataException">Not a picture.</exception>
    public static RgbImage Decode(ReadOnlyMemory<byte> file)
    {
        using var bitmap = SKBitmap.Decode(file.Span) ?? throw new InvalidDataException("the server sent something that is no picture");
        var pixels = new byte[bitmap.Width * bitmap.Height * 3];
        for (var i = 0; i < bitmap.Width * bitmap.Height; i++)
        {
            var color = bitmap.GetPixel(i % bitmap.Width, i / bitmap.Width);
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = (color.Red, color.Green, color.Blue);
        }

        return new RgbImage(bitmap.Width, bitmap.Height, pixels);
    }
}
