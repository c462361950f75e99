using System.Numerics;

namespace FluxGrpc.Scenes;

/// <summary>One of the nine fields of a picture: -1, 0 or 1 across (left to right) and down (top to bottom).</summary>
/// <param name="Column">-1 left, 0 middle, 1 right.</param>
/// <param name="Row">-1 top, 0 middle, 1 bottom.</param>
public readonly record struct GridPosition(int Column, int Row)
{
    /// <summary>All nine, row by row.</summary>
    public static IReadOnlyList<GridPosition> All { get; } =
        [.. Enumerable.Range(0, 9).Select(index => new GridPosition(index % 3 - 1, index / 3 - 1))];

    /// <summary>The field that a point lies in.</summary>
    public static GridPosition Of(float x, float y, int width, int height) => new(
        Math.Clamp((int)(x * 3 / width), 0, 2) - 1,
        Math.Clamp((int)(y * 3 / height), 0, 2) - 1);
}

/// <summary>Where the first of two objects is, seen from the second.</summary>
public enum Relation
{
    /// <summary>Left of it.</summary>
    LeftOf,

    /// <summary>Right of it.</summary>
    RightOf,

    /// <summary>Above it.</summary>
    Above,

    /// <summary>Below it.</summary>
    Below,
}

/// <summary>How large an object is, against the shorter side of the picture.</summary>
public enum ObjectSize
{
    /// <summary>Said to be small.</summary>
    Small,

    /// <summary>Nothing said.</summary>
    Medium,

    /// <summary>Said to be large.</summary>
    Large,
}

/// <summary>A figure in a scene.</summary>
/// <param name="Figure">What it is.</param>
/// <param name="Color">Its colour.</param>
/// <param name="Center">Centre of its bounding box in pixels, y down.</param>
/// <param name="Radius">Its radius in pixels; the box may be a little larger or smaller.</param>
/// <param name="Size">What captions may call its size.</param>
public sealed record SceneObject(Figure Figure, PaletteColor Color, Vector2 Center, float Radius, ObjectSize Size);

/// <summary>What a picture shows: one or two objects on a flat background.</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Background">Colour of the background.</param>
/// <param name="Objects">The objects; no two overlap.</param>
/// <param name="Position">The field of a lone object.</param>
/// <param name="Relation">Where the first of two objects is, seen from the second.</param>
public sealed record Scene(
    int Width, int Height, PaletteColor Background, IReadOnlyList<SceneObject> Objects, GridPosition? Position, Relation? Relation)
{
    /// <summary>True where a combination of figure, colour and background in it is kept from training.</summary>
    public bool IsHeldOut => Objects.Any(placed => IsHeldOutCombination(placed.Figure, placed.Color, Background));

    /// <summary>
    /// One in nine combinations is kept for evaluation. Each figure, colour and background, and each pair of them but those of
    /// one colour, is still seen in training: only the three together never are, at any position.
    /// </summary>
    public static bool IsHeldOutCombination(Figure figure, PaletteColor color, PaletteColor background) =>
        ((int)figure * 4 + (int)color * 2 + (int)background * 5) % 9 == 3;
}
