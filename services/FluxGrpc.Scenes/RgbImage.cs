namespace FluxGrpc.Scenes;

/// <summary>A picture of 8-bit RGB, row by row from the top.</summary>
public sealed class RgbImage
{
    /// <summary>Wraps pixels.</summary>
    /// <exception cref="ArgumentException">The number of bytes is not three for each pixel.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.Length != width * height * 3)
            throw new ArgumentException($"{pixels.Length} bytes are not {width} × {height} × 3", nameof(pixels));
        (Width, Height, Pixels) = (width, height, pixels);
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green, blue of each pixel.</summary>
    public byte[] Pixels { get; }

    /// <summary>The colour of a pixel.</summary>
    public Rgb this[int x, int y]
    {
        get
        {
            var at = (y * Width + x) * 3;
            return new Rgb(Pixels[at], Pixels[at + 1], Pixels[at + 2]);
        }
    }
}
