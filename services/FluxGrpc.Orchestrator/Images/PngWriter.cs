using ImageMagick;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>Writes RGB pixels as PNG with text chunks. Equal input gives equal bytes: no date, no host, no random part.</summary>
public static class PngWriter
{
    /// <summary>Samples of a pixel: red, green, blue.</summary>
    public const int Channels = 3;

    // In ImageMagick's terms: zlib level 4, a filter chosen for each row. Level 7, its default, takes twice the time for 1% less.
    private const int LevelAndFilter = 45;

    /// <summary>Encodes a picture.</summary>
    /// <param name="pixels">Samples [H, W, 3], RGB.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="texts">
    /// Keyword and text of each text chunk: keywords of 1 to 79 Latin-1 characters; any text, less the NULs that PNG cannot hold.
    /// </param>
    /// <returns>The file.</returns>
    /// <exception cref="ArgumentException">The number of samples is not that of the size.</exception>
    public static byte[] Encode(
        ReadOnlySpan<byte> pixels, int width, int height, IEnumerable<KeyValuePair<string, string>> texts)
    {
        if (width < 1 || height < 1 || pixels.Length != (long)width * height * Channels)
            throw new ArgumentException($"{pixels.Length} samples for {width}×{height} pixels", nameof(pixels));

        using var image = new MagickImage();
        image.ReadPixels(pixels, new PixelReadSettings((uint)width, (uint)height, StorageType.Char, PixelMapping.RGB));
        foreach (var (keyword, text) in texts)
            image.SetAttribute(keyword, text.Replace("\0", "", StringComparison.Ordinal));
        image.Quality = LevelAndFilter;
        image.Settings.SetDefine(MagickFormat.Png, "exclude-chunks", "bKGD,cHRM,date,gAMA,tIME");
        return image.ToByteArray(MagickFormat.Png24); // 8 bits a sample, true colour, however few colours there are.
    }
}
