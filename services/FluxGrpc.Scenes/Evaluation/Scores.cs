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

    /// <summary>Share of right positions among pictures of one object.</summary>
    public double Position => Share(verdict => verdict.Position);

    /// <summary>Share of right relations among pictures of two objects.</summary>
    public double Relation => Share(verdict => verdict.Relation);

    /// <summary>Adds a verdict.</summary>
    public void Add(Verdict verdict) => _verdicts.Add(verdict);

    /// <summary>NaN where nothing was asked.</summary>
    private double Share(Func<Verdict, bool?> part)
    {
        var asked = _verdicts.Select(part).OfType<bool>().ToArray();
        return asked.Length == 0 ? double.NaN : asked.Count(right => right) / (double)asked.Length;
    }
}
