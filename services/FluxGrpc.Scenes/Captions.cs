namespace FluxGrpc.Scenes;

/// <summary>An object where a caption speaks of it.</summary>
/// <param name="Words">The words that describe it, counted by the spaces before them.</param>
/// <param name="Object">The object.</param>
/// <param name="Place">Where the caption puts it, in so many words or by a relation; null where it does not say.</param>
public readonly record struct ObjectMention(Range Words, SceneObject Object, GridPosition? Place);

/// <summary>A caption and what it speaks of.</summary>
/// <param name="Text">The caption.</param>
/// <param name="Mentions">Each object of the scene.</param>
public sealed record Caption(string Text, IReadOnlyList<ObjectMention> Mentions);

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
    public string Complete(Scene scene) => Word(scene, namesPosition: true, namesBackground: true, namesPlaces: false).Text;

    /// <summary>
    /// A caption as in training: now and then it keeps the position or the background to itself, or says where each of two
    /// objects is in place of their relation, which is the easier way to learn which word goes with which object.
    /// </summary>
    public string Next(Scene scene) => NextWithMentions(scene).Text;

    /// <summary>As <see cref="Next"/>, and which words describe which object.</summary>
    public Caption NextWithMentions(Scene scene) => Word(
        scene,
        _random.NextDouble() < PositionIsNamed,
        _random.NextDouble() < BackgroundIsNamed,
        _random.NextDouble() < PlacesAreNamed);

    private Caption Word(Scene scene, bool namesPosition, bool namesBackground, bool namesPlaces)
    {
        ArgumentNullException.ThrowIfNull(scene);
        var objects = scene.Objects.Select(Describe).ToArray();
        var subject = scene.Relation switch
        {
            null => objects[0],
            { } relation when namesPlaces => JoinPlaces(objects, PlaceOfFirst(relation)),
            { } relation => $"{objects[0]} {Pick(Wordings.Relation(relation))} {objects[1]}",
        };
        var position = namesPosition ? scene.Position : null;
        var background = namesBackground ? Pick(Wordings.Color(scene.Background)) : null;
        var text = Join(subject, position is { } named ? Place(named) : null, background);
        var first = scene.Relation is { } between ? PlaceOfFirst(between) : position;
        var mentions = objects.Select((description, index) => new ObjectMention(
            WordsOf(description, text), scene.Objects[index], index == 0 ? first : Opposite(first!.Value)));
        return new Caption(_random.NextDouble() < IsSentence ? char.ToUpperInvariant(text[0]) + text[1..] + "." : text, [.. mentions]);
    }

    /// <summary>Two objects differ in color, so that a description stands in a caption once.</summary>
    private static Range WordsOf(string description, string caption)
    {
        var start = caption.AsSpan(0, caption.IndexOf(description, StringComparison.Ordinal)).Count(' ');
        return start..(start + description.AsSpan().Count(' ') + 1);
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
    private string JoinPlaces(string[] objects, GridPosition place)
    {
        var first = $"{objects[0]} {Place(place)}";
        var second = $"{objects[1]} {Place(Opposite(place))}";
        return _random.Next(2) == 0 ? $"{first}, {second}" : $"{second}, {first}";
    }

    private static GridPosition PlaceOfFirst(Relation relation) => relation switch
    {
        Relation.LeftOf => new GridPosition(-1, 0),
        Relation.RightOf => new GridPosition(1, 0),
        Relation.Above => new GridPosition(0, -1),
        _ => new GridPosition(0, 1),
    };

    private static GridPosition Opposite(GridPosition place) => new(-place.Column, -place.Row);

    private string Place(GridPosition position) => $"{Pick(Wordings.Prepositions(position))} {Pick(Wordings.Position(position))}";

    private static string WithArticle(string noun) => ("aeiou".Contains(noun[0]) ? "an " : "a ") + noun;

    private string Pick(IReadOnlyList<string> choices) => choices[_random.Next(choices.Count)];
}
