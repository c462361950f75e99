namespace FluxGrpc.Scenes.Evaluation;

/// <summary>Reads a scene off a picture by plain image arithmetic: nearest palette colours, connected areas, drawn templates.</summary>
public static class SceneObserver
{
    /// <summary>Areas below this share of the picture are specks, not objects.</summary>
    private const double SmallestArea = 0.006;

    /// <summary>Reads a picture.</summary>
    public static SceneObservation Observe(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var colors = NearestColors(image);
        var background = BorderColor(colors, image.Width, image.Height);
        var isFlat = FlatPixels(colors, image.Width, image.Height);
        var seen = new bool[colors.Length];
        var objects = new List<ObservedObject>();
        for (var start = 0; start < colors.Length; start++)
        {
            if (seen[start] || !isFlat[start] || colors[start] == background)
                continue;
            var area = FloodFill(start, colors, isFlat, seen, image.Width, image.Height);
            if (area.Count >= SmallestArea * colors.Length)
                objects.Add(Measure(image, area, colors[start], background));
        }

        objects.Sort((a, b) => b.Area.CompareTo(a.Area));
        return new SceneObservation(image.Width, image.Height, background, objects);
    }

    private static PaletteColor[] NearestColors(RgbImage image)
    {
        var colors = new PaletteColor[image.Width * image.Height];
        for (var i = 0; i < colors.Length; i++)
            colors[i] = Palette.Nearest(image[i % image.Width, i / image.Width]);
        return colors;
    }

    private static PaletteColor BorderColor(PaletteColor[] colors, int width, int height)
    {
        var counts = new int[Palette.All.Count];
        for (var x = 0; x < width; x++)
        {
            counts[(int)colors[x]]++;
            counts[(int)colors[(height - 1) * width + x]]++;
        }

        for (var y = 0; y < height; y++)
        {
            counts[(int)colors[y * width]]++;
            counts[(int)colors[y * width + width - 1]]++;
        }

        return (PaletteColor)Array.IndexOf(counts, counts.Max());
    }

    /// <summary>
    /// Pixels whose eight neighbours have the same colour name. Blended edges pass through other names, but are never this wide.
    /// </summary>
    private static bool[] FlatPixels(PaletteColor[] colors, int width, int height)
    {
        var isFlat = new bool[colors.Length];
        for (var y = 1; y < height - 1; y++)
        {
            for (var x = 1; x < width - 1; x++)
            {
                var center = colors[y * width + x];
                var same = true;
                for (var neighbour = 0; neighbour < 9 && same; neighbour++)
                    same = colors[(y + neighbour / 3 - 1) * width + x + neighbour % 3 - 1] == center;
                isFlat[y * width + x] = same;
            }
        }

        return isFlat;
    }

    private static List<int> FloodFill(int start, PaletteColor[] colors, bool[] isFlat, bool[] seen, int width, int height)
    {
        var area = new List<int> { start };
        seen[start] = true;
        for (var next = 0; next < area.Count; next++)
        {
            var (x, y) = (area[next] % width, area[next] / width);
            Visit(x - 1, y);
            Visit(x + 1, y);
            Visit(x, y - 1);
            Visit(x, y + 1);
        }

        return area;

        void Visit(int x, int y)
        {
            var at = y * width + x;
            if (x < 0 || y < 0 || x >= width || y >= height || seen[at] || !isFlat[at] || colors[at] != colors[start])
                return;
            seen[at] = true;
            area.Add(at);
        }
    }

    private static ObservedObject Measure(RgbImage image, List<int> area, PaletteColor color, PaletteColor background)
    {
        var mask = ObjectMask.Grow(image, area, Palette.ToRgb(color), Palette.ToRgb(background));
        var (figure, fit) = mask.BestFigure();
        return new ObservedObject(color, figure, fit, mask.CenterX, mask.CenterY, area.Count);
    }
}
