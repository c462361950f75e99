using ImageMagick;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>Reads pictures that nobody has checked: PNG, JPEG and WebP, and no other of the many formats that the library knows.</summary>
public static class PictureReader
{
    /// <summary>Largest width · height of a file: what a decoder may be made to allocate.</summary>
    public const long MaxPixels = 50_000_000;

    /// <summary>Width and height of a file, without decoding it.</summary>
    /// <exception cref="InvalidDataException">Not such a picture, or too large a one.</exception>
    public static (int Width, int Height) ReadSize(ReadOnlySpan<byte> file)
    {
        var format = FormatOf(file);
        try
        {
            using var image = new MagickImage();
            image.Ping(file, new MagickReadSettings { Format = format });
            if ((long)image.Width * image.Height > MaxPixels)
                throw new InvalidDataException($"has {image.Width}×{image.Height} pixels; allowed: at most {MaxPixels} in all");
            return ((int)image.Width, (int)image.Height);
        }
        catch (MagickException exception)
        {
            throw new InvalidDataException($"is a broken {format} file", exception);
        }
    }

    /// <summary>Decodes a picture, scaled to a size; turned upright, transparency on white.</summary>
    /// <param name="file">The file.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <returns>Samples [H, W, 3], RGB.</returns>
    /// <exception cref="InvalidDataException">Not such a picture, or too large a one.</exception>
    public static byte[] Read(ReadOnlySpan<byte> file, int width, int height)
    {
        ReadSize(file);
        try
        {
            using var image = new MagickImage(file, new MagickReadSettings { Format = FormatOf(file) });
            image.AutoOrient();
            image.ColorSpace = ColorSpace.sRGB;
            image.BackgroundColor = MagickColors.White;
            image.Alpha(AlphaAction.Remove);
            image.FilterType = FilterType.Lanczos;
            image.Resize(new MagickGeometry((uint)width, (uint)height) { IgnoreAspectRatio = true });
            return image.GetPixels().ToByteArray(PixelMapping.RGB)!;
        }
        catch (MagickException exception)
        {
            throw new InvalidDataException($"is a broken {FormatOf(file)} file", exception);
        }
    }

    /// <summary>The settings that a picture of this service carries; empty where it carries none.</summary>
    /// <exception cref="InvalidDataException">Not such a picture.</exception>
    public static IReadOnlyDictionary<string, string> ReadSettings(ReadOnlySpan<byte> file)
    {
        if (FormatOf(file) == MagickFormat.Png)
            return PngMetadata.Read(file);
        ReadSize(file);
        try
        {
            using var image = new MagickImage(file, new MagickReadSettings { Format = FormatOf(file) }); // A ping skips WebP's Exif.
            return ExifComment.Read(image.GetExifProfile());
        }
        catch (MagickException exception)
        {
            throw new InvalidDataException($"is a broken {FormatOf(file)} file", exception);
        }
    }

    private static MagickFormat FormatOf(ReadOnlySpan<byte> file) => file switch
    {
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => MagickFormat.Png,
        [0xFF, 0xD8, 0xFF, ..] => MagickFormat.Jpeg,
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => MagickFormat.WebP,
        _ => throw new InvalidDataException("is no picture; allowed: a PNG, JPEG or WebP file"),
    };
}
