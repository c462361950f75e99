namespace FluxGrpc.Scenes.Evaluation;

/// <summary>Compares pictures with the scenes that their prompts describe.</summary>
public static class Judge
{
    /// <summary>A shape counts where it overlaps its template at least this well: lumps do not.</summary>
    public const double SmallestFit = 0.8;

    /// <summary>Judges a picture.</summary>
    public static Verdict Score(RgbImage image, Scene wanted) => Score(SceneObserver.Observe(image), wanted);

    /// <summary>Judges what was seen in a picture.</summary>
    public static Verdict Score(SceneObservation seen, Scene wanted)
    {
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(wanted);
        var background = seen.Background == wanted.Background;
        return wanted.Objects.Count == 1 ? ScoreOne(seen, wanted, background) : ScoreTwo(seen, wanted, background);
    }

    private static Verdict ScoreOne(SceneObservation seen, Scene wanted, bool background)
    {
        if (seen.Objects.Count == 0)
            return new Verdict(background, false, NoneRight(wanted), false, null);

        var largest = seen.Objects[0];
        return new Verdict(
            background,
            largest.Color == wanted.Objects[0].Color && seen.Objects.Count == 1,
            [Compare(largest, wanted.Objects[0].Figure)],
            GridPosition.Of(largest.CenterX, largest.CenterY, seen.Width, seen.Height) == wanted.Position,
            null);
    }

    private static Verdict ScoreTwo(SceneObservation seen, Scene wanted, bool background)
    {
        var first = seen.Objects.FirstOrDefault(candidate => candidate.Color == wanted.Objects[0].Color);
        var second = seen.Objects.FirstOrDefault(candidate => candidate.Color == wanted.Objects[1].Color);
        if (first is null || second is null || seen.Objects.Count != 2)
            return new Verdict(background, false, NoneRight(wanted), null, false);

        FigureVerdict[] figures = [Compare(first, wanted.Objects[0].Figure), Compare(second, wanted.Objects[1].Figure)];
        return new Verdict(background, true, figures, null, Observed(first, second) == wanted.Relation);
    }

    private static FigureVerdict Compare(ObservedObject seen, Figure wanted) =>
        new(wanted, seen.Figure == wanted && seen.Fit >= SmallestFit);

    private static FigureVerdict[] NoneRight(Scene wanted) => [.. wanted.Objects.Select(missed => new FigureVerdict(missed.Figure, false))];

    private static Relation Observed(ObservedObject first, ObservedObject second)
    {
        var (across, down) = (first.CenterX - second.CenterX, first.CenterY - second.CenterY);
        if (Math.Abs(across) >= Math.Abs(down))
            return across < 0 ? Relation.LeftOf : Relation.RightOf;
        return down < 0 ? Relation.Above : Relation.Below;
    }
}
