using System.Numerics;

namespace FluxGrpc.Scenes;

/// <summary>Paints scenes: the share of a pixel that a figure covers comes from the distance to its outline.</summary>
public static class ShapeRenderer
{
    /// <summary>Paints a scene.</summary>
    public static RgbImage Render(Scene scene)
    {
        ArgumentNullException.ThrowIfNull(scene);
        var pixels = new byte[scene.Width * scene.Height * 3];
        var background = Palette.ToRgb(scene.Background);
        for (var at = 0; at < pixels.Length; at += 3)
            (pixels[at], pixels[at + 1], pixels[at + 2]) = (background.R, background.G, background.B);

        var image = new RgbImage(scene.Width, scene.Height, pixels);
        foreach (var placed in scene.Objects)
            Paint(image, placed);
        return image;
    }

    private static void Paint(RgbImage image, SceneObject placed)
    {
        var reach = FigureOutline.HalfExtent(placed.Figure) * placed.Radius + Vector2.One;
        var (left, right) = Range(placed.Center.X, reach.X, image.Width);
        var (top, bottom) = Range(placed.Center.Y, reach.Y, image.Height);
        var color = Palette.ToRgb(placed.Color);
        for (var y = top; y < bottom; y++)
        {
            for (var x = left; x < right; x++)
            {
                var point = (new Vector2(x + 0.5f, y + 0.5f) - placed.Center) / placed.Radius;
                var coverage = Math.Clamp(0.5f - FigureOutline.SignedDistance(placed.Figure, point) * placed.Radius, 0, 1);
                if (coverage > 0)
                    Blend(image.Pixels.AsSpan((y * image.Width + x) * 3, 3), color, coverage);
            }
        }
    }

    private static (int From, int To) Range(float center, float reach, int length) =>
        (Math.Max(0, (int)MathF.Floor(center - reach)), Math.Min(length, (int)MathF.Ceiling(center + reach)));

    private static void Blend(Span<byte> pixel, Rgb color, float coverage)
    {
        pixel[0] = Mix(pixel[0], color.R, coverage);
        pixel[1] = Mix(pixel[1], color.G, coverage);
        pixel[2] = Mix(pixel[2], color.B, coverage);
    }

    private static byte Mix(byte below, byte above, float coverage) => (byte)MathF.Round(below + (above - below) * coverage);
}
