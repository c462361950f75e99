namespace FluxGrpc.Scenes;

/// <summary>Describes scenes in plain English, with a wording drawn by lot.</summary>
/// <param name="seed">Seed of the sequence of wordings.</param>
public sealed class Captions(int seed)
{
    private const double PositionIsNamed = 0.8;
    private const double BackgroundIsNamed = 0.9;
    private const double PlacesAreNamed = 0.4;
    private const double IsSentence = 0.15;

    private readonly Random _random = new(seed);

    /// <summary>A caption that leaves out nothing that the evaluation scores.</summary>
    public string Complete(Scene scene) => Word(scene, namesPosition: true, namesBackground: true, namesPlaces: false);

    /// <summary>
    /// A caption as in training: now and then it keeps the position or the background to itself, or says where each of two
    /// objects is in place of their relation, which is the easier way to learn which word goes with which object.
    /// </summary>
    public string Next(Scene scene) => Word(
        scene,
        _random.NextDouble() < PositionIsNamed,
        _random.NextDouble() < BackgroundIsNamed,
        _random.NextDouble() < PlacesAreNamed);

    private string Word(Scene scene, bool namesPosition, bool namesBackground, bool namesPlaces)
    {
        ArgumentNullException.ThrowIfNull(scene);
        var subject = scene.Relation switch
        {
            null => Describe(scene.Objects[0]),
            { } relation when namesPlaces => DescribePlaces(scene.Objects, relation),
            { } relation => $"{Describe(scene.Objects[0])} {Pick(Wordings.Relation(relation))} {Describe(scene.Objects[1])}",
        };
        var place = scene.Position is { } position && namesPosition ? Place(position) : null;
        var background = namesBackground ? Pick(Wordings.Color(scene.Background)) : null;
        var caption = Join(subject, place, background);
        if (_random.NextDouble() < IsSentence)
            caption = char.ToUpperInvariant(caption[0]) + caption[1..] + ".";
        return caption;
    }

    private string Join(string subject, string? place, string? background)
    {
        if (_random.NextDouble() < 0.1)
            subject = $"{Pick(Wordings.Openings)} {subject}";
        var there = place is null ? subject : $"{subject} {place}";
        if (background is null)
            return place is not null && _random.NextDouble() < 0.2 ? $"{place}, {subject}" : there;

        var ground = WithArticle($"{background} background");
        return _random.Next(place is null ? 4 : 6) switch
        {
            0 or 1 => $"{there} on {ground}",
            2 => $"on {ground}, {there}",
            3 => $"{there}, {background} background",
            4 => $"{subject} on {ground} {place}",
            _ => $"{place}, {subject} on {ground}",
        };
    }

    private string Describe(SceneObject placed)
    {
        var size = placed.Size == ObjectSize.Medium ? "" : Pick(Wordings.Size(placed.Size)) + " ";
        return WithArticle($"{size}{Pick(Wordings.Color(placed.Color))} {Pick(Wordings.Figure(placed.Figure))}");
    }

    /// <summary>"a red circle on the left, a blue square on the right", beginning with either.</summary>
    private string DescribePlaces(IReadOnlyList<SceneObject> objects, Relation relation)
    {
        var place = relation switch
        {
            Relation.LeftOf => new GridPosition(-1, 0),
            Relation.RightOf => new GridPosition(1, 0),
            Relation.Above => new GridPosition(0, -1),
            _ => new GridPosition(0, 1),
        };
        var first = $"{Describe(objects[0])} {Place(place)}";
        var second = $"{Describe(objects[1])} {Place(new GridPosition(-place.Column, -place.Row))}";
        return _random.Next(2) == 0 ? $"{first}, {second}" : $"{second}, {first}";
    }

    private string Place(GridPosition position) => $"{Pick(Wordings.Prepositions(position))} {Pick(Wordings.Position(position))}";

    private static string WithArticle(string noun) => ("aeiou".Contains(noun[0]) ? "an " : "a ") + noun;

    private string Pick(IReadOnlyList<string> choices) => choices[_random.Next(choices.Count)];
}
