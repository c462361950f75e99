namespace FluxGrpc.Scenes.Evaluation;

/// <summary>What is right about a picture; null where the scene does not say.</summary>
/// <param name="Background">The background has its colour.</param>
/// <param name="Color">Every object has its colour, and there are as many as asked for.</param>
/// <param name="Figures">Each object that was asked for, in the order of the scene.</param>
/// <param name="Position">A lone object lies in its field.</param>
/// <param name="Relation">Two objects of the right colours stand to one another as asked.</param>
public sealed record Verdict(bool Background, bool Color, IReadOnlyList<FigureVerdict> Figures, bool? Position, bool? Relation)
{
    /// <summary>Every object is the right figure; false where a colour is wrong.</summary>
    public bool Figure => Figures.All(figure => figure.IsRight);
}
