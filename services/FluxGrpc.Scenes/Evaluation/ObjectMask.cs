using System.Numerics;

namespace FluxGrpc.Scenes.Evaluation;

/// <summary>The pixels of one object inside its bounding box.</summary>
internal sealed class ObjectMask
{
    /// <summary>How far the blended edge may reach beyond the flat inside.</summary>
    private const int EdgePixels = 3;

    private readonly bool[,] _pixels;
    private readonly int _left;
    private readonly int _top;

    private ObjectMask(bool[,] pixels, int left, int top) => (_pixels, _left, _top) = (pixels, left, top);

    /// <summary>Centre of the bounding box in pixels.</summary>
    public float CenterX => _left + _pixels.GetLength(1) / 2f;

    /// <summary>Centre of the bounding box in pixels, y down.</summary>
    public float CenterY => _top + _pixels.GetLength(0) / 2f;

    /// <summary>Takes the flat inside of an object and adds the pixels around it that look more like it than like the background.</summary>
    public static ObjectMask Grow(RgbImage image, IReadOnlyList<int> inside, Rgb color, Rgb background)
    {
        var left = Math.Max(0, inside.Min(at => at % image.Width) - EdgePixels);
        var right = Math.Min(image.Width, inside.Max(at => at % image.Width) + EdgePixels + 1);
        var top = Math.Max(0, inside.Min(at => at / image.Width) - EdgePixels);
        var bottom = Math.Min(image.Height, inside.Max(at => at / image.Width) + EdgePixels + 1);
        var near = new bool[bottom - top, right - left];
        foreach (var at in inside)
            MarkSurroundings(near, at % image.Width - left, at / image.Width - top);

        for (var y = top; y < bottom; y++)
        {
            for (var x = left; x < right; x++)
            {
                var pixel = image[x, y];
                near[y - top, x - left] &= pixel.DistanceSquared(color) < pixel.DistanceSquared(background);
            }
        }

        return Crop(near, left, top);
    }

    /// <summary>The figure whose template, stretched to the bounding box, overlaps best, and how well.</summary>
    public (Figure Figure, double Fit) BestFigure() => Enum.GetValues<Figure>()
        .Select(figure => (figure, Fit: Overlap(figure)))
        .MaxBy(candidate => candidate.Fit);

    private double Overlap(Figure figure)
    {
        var (height, width) = (_pixels.GetLength(0), _pixels.GetLength(1));
        var extent = FigureOutline.HalfExtent(figure);
        var (both, either) = (0, 0);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var point = extent * new Vector2((2 * x + 1f) / width - 1, (2 * y + 1f) / height - 1);
                var isInTemplate = FigureOutline.SignedDistance(figure, point) < 0;
                both += isInTemplate && _pixels[y, x] ? 1 : 0;
                either += isInTemplate || _pixels[y, x] ? 1 : 0;
            }
        }

        // A strip that is stretched to a square would fit some template.
        var proportion = width * extent.Y / (height * extent.X);
        return both / (double)either * Math.Min(1, 1.3 * Math.Min(proportion, 1 / proportion));
    }

    private static void MarkSurroundings(bool[,] near, int x, int y)
    {
        for (var row = Math.Max(0, y - EdgePixels); row <= Math.Min(near.GetLength(0) - 1, y + EdgePixels); row++)
        {
            for (var column = Math.Max(0, x - EdgePixels); column <= Math.Min(near.GetLength(1) - 1, x + EdgePixels); column++)
                near[row, column] = true;
        }
    }

    private static ObjectMask Crop(bool[,] pixels, int left, int top)
    {
        var (x0, y0, x1, y1) = (pixels.GetLength(1), pixels.GetLength(0), 0, 0);
        for (var y = 0; y < pixels.GetLength(0); y++)
        {
            for (var x = 0; x < pixels.GetLength(1); x++)
            {
                if (pixels[y, x])
                    (x0, y0, x1, y1) = (Math.Min(x0, x), Math.Min(y0, y), Math.Max(x1, x + 1), Math.Max(y1, y + 1));
            }
        }

        var cropped = new bool[y1 - y0, x1 - x0];
        for (var y = y0; y < y1; y++)
        {
            for (var x = x0; x < x1; x++)
                cropped[y - y0, x - x0] = pixels[y, x];
        }

        return new ObjectMask(cropped, left + x0, top + y0);
    }
}
