namespace FluxGrpc.Scenes.Evaluation;

/// <summary>Verdicts added up.</summary>
public sealed class Scores
{
    private readonly List<Verdict> _verdicts = [];

    /// <summary>Pictures judged.</summary>
    public int Count => _verdicts.Count;

    /// <summary>Share of right backgrounds.</summary>
    public double Background => Share(verdict => verdict.Background);

    /// <summary>Share of right colours.</summary>
    public double Color => Share(verdict => verdict.Color);

    /// <summary>Share of right figures.</summary>
    public double Figure => Share(verdict => verdict.Figure);

    /// <summary>Share of right figures among pictures of one object.</summary>
    public double FigureOfOne => Share(verdict => verdict.Relation is null ? verdict.Figure : null);

    /// <summary>Share of a figure's objects that were drawn as asked; NaN where none was asked for.</summary>
    public double FigureOf(Figure figure) => Share(_verdicts.SelectMany(verdict => verdict.Figures)
        .Where(asked => asked.Figure == figure).Select(asked => (bool?)asked.IsRight));

    /// <summary>Share of right positions among pictures of one object.</summary>
    public double Position => Share(verdict => verdict.Position);

    /// <summary>Share of right relations among pictures of two objects.</summary>
    public double Relation => Share(verdict => verdict.Relation);

    /// <summary>Adds a verdict.</summary>
    public void Add(Verdict verdict) => _verdicts.Add(verdict);

    private double Share(Func<Verdict, bool?> part) => Share(_verdicts.Select(part));

    /// <summary>NaN where nothing was asked.</summary>
    private static double Share(IEnumerable<bool?> answers)
    {
        var asked = answers.OfType<bool>().ToArray();
        return asked.Length == 0 ? double.NaN : asked.Count(right => right) / (double)asked.Length;
    }
}
