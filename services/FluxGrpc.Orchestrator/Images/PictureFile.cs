using FluxGrpc.V1;
using ImageMagick;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>A picture's file and its type.</summary>
/// <param name="Data">The file.</param>
/// <param name="MediaType">Such as "image/png".</param>
internal sealed record PictureFile(byte[] Data, string MediaType)
{
    private const int Quality = 95;

    /// <summary>Encodes a picture. Equal input gives equal bytes.</summary>
    /// <param name="format">PNG (lossless; also where not set), JPEG or WebP (quality 95).</param>
    /// <param name="pixels">Samples [H, W, 3], RGB.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="texts">Settings to keep in it: PNG text chunks, else JSON in the Exif comment.</param>
    /// <exception cref="ArgumentException">The number of samples is not that of the size.</exception>
    public static PictureFile Encode(
        ImageFormat format, ReadOnlySpan<byte> pixels, int width, int height, IReadOnlyDictionary<string, string> texts)
    {
        if (format is ImageFormat.Unspecified or ImageFormat.Png)
            return new PictureFile(PngWriter.Encode(pixels, width, height, texts), "image/png");
        if (pixels.Length != (long)width * height * PngWriter.Channels)
            throw new ArgumentException($"{pixels.Length} samples for {width}×{height} pixels", nameof(pixels));

        using var image = new MagickImage();
        image.ReadPixels(pixels, new PixelReadSettings((uint)width, (uint)height, StorageType.Char, PixelMapping.RGB));
        image.SetProfile(ExifComment.ToProfile(texts));
        image.Quality = Quality;
        return format == ImageFormat.Jpeg
            ? new PictureFile(image.ToByteArray(MagickFormat.Jpeg), "image/jpeg")
            : new PictureFile(image.ToByteArray(MagickFormat.WebP), "image/webp");
    }
}
