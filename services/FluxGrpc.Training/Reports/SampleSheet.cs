using FluxGrpc.Scenes;
using ImageMagick;

namespace FluxGrpc.Training.Reports;

/// <summary>Puts pictures of one size side by side into one PNG.</summary>
internal static class SampleSheet
{
    private const int Gap = 4;

    /// <summary>Writes the sheet.</summary>
    public static void Write(IReadOnlyList<RgbImage> pictures, string path, int columns)
    {
        var (width, height) = (pictures[0].Width + Gap, pictures[0].Height + Gap);
        var rows = (pictures.Count + columns - 1) / columns;
        using var sheet = new MagickImage(MagickColors.White, (uint)(columns * width + Gap), (uint)(rows * height + Gap));
        for (var i = 0; i < pictures.Count; i++)
        {
            using var picture = ToMagick(pictures[i]);
            sheet.Composite(picture, Gap + i % columns * width, Gap + i / columns * height, CompositeOperator.Copy);
        }

        sheet.Write(path, MagickFormat.Png24);
    }

    private static MagickImage ToMagick(RgbImage picture) => new(
        picture.Pixels,
        new PixelReadSettings((uint)picture.Width, (uint)picture.Height, StorageType.Char, PixelMapping.RGB));
}
