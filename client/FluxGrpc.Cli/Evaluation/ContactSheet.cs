using FluxGrpc.Scenes;
using SkiaSharp;

namespace FluxGrpc.Cli.Evaluation;

/// <summary>Pictures side by side in one PNG.</summary>
internal static class ContactSheet
{
    private const int Columns = 4;
    private const int GapPixels = 6;

    /// <summary>Writes the sheet, and the prompts row by row into a text file of the same name.</summary>
    public static async Task WriteAsync(string path, IReadOnlyList<DrawnPicture> pictures, CancellationToken cancellation)
    {
        var width = pictures.Max(picture => picture.Pixels.Width) + GapPixels;
        var height = pictures.Max(picture => picture.Pixels.Height) + GapPixels;
        var rows = (pictures.Count + Columns - 1) / Columns;
        using var sheet = new SKBitmap(Columns * width + GapPixels, rows * height + GapPixels, SKColorType.Rgba8888, SKAlphaType.Opaque);
        sheet.Erase(SKColors.White);
        for (var i = 0; i < pictures.Count; i++)
            Paint(sheet, pictures[i].Pixels, GapPixels + i % Columns * width, GapPixels + i / Columns * height);

        using var png = sheet.Encode(SKEncodedImageFormat.Png, quality: 100);
        await File.WriteAllBytesAsync(path, png.ToArray(), cancellation);
        await File.WriteAllLinesAsync(Path.ChangeExtension(path, ".txt"), pictures.Select(picture => picture.Prompt.Text), cancellation);
    }

    private static void Paint(SKBitmap sheet, RgbImage picture, int left, int top)
    {
        for (var y = 0; y < picture.Height; y++)
        {
            for (var x = 0; x < picture.Width; x++)
            {
                var color = picture[x, y];
                sheet.SetPixel(left + x, top + y, new SKColor(color.R, color.G, color.B));
            }
        }
    }
}
