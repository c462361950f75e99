namespace FluxGrpc.Scenes;

/// <summary>The colours that captions name.</summary>
public enum PaletteColor
{
    /// <summary>Red.</summary>
    Red,

    /// <summary>Green.</summary>
    Green,

    /// <summary>Blue.</summary>
    Blue,

    /// <summary>Yellow.</summary>
    Yellow,

    /// <summary>Orange.</summary>
    Orange,

    /// <summary>Purple.</summary>
    Purple,

    /// <summary>White.</summary>
    White,

    /// <summary>Black.</summary>
    Black,

    /// <summary>Gray.</summary>
    Gray,
}

/// <summary>An 8-bit colour.</summary>
/// <param name="R">Red.</param>
/// <param name="G">Green.</param>
/// <param name="B">Blue.</param>
public readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>Squared distance in the cube of colours.</summary>
    public int DistanceSquared(Rgb other)
    {
        var (r, g, b) = (R - other.R, G - other.G, B - other.B);
        return r * r + g * g + b * b;
    }
}

/// <summary>What the colour names mean.</summary>
public static class Palette
{
    private static readonly Rgb[] _colors =
    [
        new(220, 40, 40), new(40, 165, 70), new(45, 90, 220), new(245, 215, 50), new(245, 140, 30),
        new(145, 60, 180), new(250, 250, 250), new(20, 20, 20), new(130, 130, 130),
    ];

    /// <summary>All colours, in the order of their numbers.</summary>
    public static IReadOnlyList<PaletteColor> All { get; } = Enum.GetValues<PaletteColor>();

    /// <summary>The colour that a name stands for.</summary>
    public static Rgb ToRgb(PaletteColor color) => _colors[(int)color];

    /// <summary>The name nearest to a colour.</summary>
    public static PaletteColor Nearest(Rgb color)
    {
        var (nearest, smallest) = (0, int.MaxValue);
        for (var i = 0; i < _colors.Length; i++)
        {
            var distance = color.DistanceSquared(_colors[i]);
            if (distance < smallest)
                (nearest, smallest) = (i, distance);
        }

        return (PaletteColor)nearest;
    }
}
