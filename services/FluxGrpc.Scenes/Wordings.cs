namespace FluxGrpc.Scenes;

/// <summary>The words for each thing a caption can say; the first of each list is the usual one.</summary>
internal static class Wordings
{
    /// <summary>What may stand before the subject.</summary>
    public static IReadOnlyList<string> Openings { get; } = ["a picture of", "a drawing of", "an image of", "draw"];

    public static IReadOnlyList<string> Figure(Figure figure) => figure switch
    {
        Scenes.Figure.Circle => ["circle", "circle", "circle", "disc"],
        Scenes.Figure.Square => ["square"],
        Scenes.Figure.Triangle => ["triangle"],
        Scenes.Figure.Star => ["star"],
        Scenes.Figure.Ring => ["ring"],
        Scenes.Figure.Cross => ["cross", "cross", "cross", "plus sign"],
        _ => throw new ArgumentOutOfRangeException(nameof(figure)),
    };

    public static IReadOnlyList<string> Color(PaletteColor color) => color switch
    {
        PaletteColor.Red => ["red"],
        PaletteColor.Green => ["green"],
        PaletteColor.Blue => ["blue"],
        PaletteColor.Yellow => ["yellow"],
        PaletteColor.Orange => ["orange"],
        PaletteColor.Purple => ["purple"],
        PaletteColor.White => ["white"],
        PaletteColor.Black => ["black"],
        PaletteColor.Gray => ["gray", "gray", "grey"],
        _ => throw new ArgumentOutOfRangeException(nameof(color)),
    };

    public static IReadOnlyList<string> Size(ObjectSize size) => size switch
    {
        ObjectSize.Small => ["small", "small", "little"],
        ObjectSize.Large => ["large", "large", "big"],
        _ => throw new ArgumentOutOfRangeException(nameof(size)),
    };

    public static IReadOnlyList<string> Relation(Relation relation) => relation switch
    {
        Scenes.Relation.LeftOf => ["left of", "to the left of"],
        Scenes.Relation.RightOf => ["right of", "to the right of"],
        Scenes.Relation.Above => ["above", "above", "over"],
        Scenes.Relation.Below => ["below", "below", "under"],
        _ => throw new ArgumentOutOfRangeException(nameof(relation)),
    };

    /// <summary>"in" goes with corners and the centre, "on" with left and right, "at" with top and bottom.</summary>
    public static IReadOnlyList<string> Prepositions(GridPosition position) => position switch
    {
        (0, 0) => ["in"],
        (0, _) => ["at"],
        (_, 0) => ["on"],
        _ => ["in", "in", "at"],
    };

    public static IReadOnlyList<string> Position(GridPosition position) => position switch
    {
        (0, 0) => ["the center", "the center", "the centre", "the middle"],
        (-1, 0) => ["the left", "the left side"],
        (1, 0) => ["the right", "the right side"],
        (0, -1) => ["the top"],
        (0, 1) => ["the bottom"],
        (var column, var row) => Corner(row < 0 ? ["top", "top", "upper"] : ["bottom", "bottom", "lower"], column < 0 ? "left" : "right"),
    };

    private static string[] Corner(string[] rows, string column) =>
        [.. rows.SelectMany(row => new[] { $"the {row} {column}", $"the {row} {column} corner" })];
}
