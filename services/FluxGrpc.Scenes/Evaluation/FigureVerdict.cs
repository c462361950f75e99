namespace FluxGrpc.Scenes.Evaluation;

/// <summary>Whether a figure was drawn as asked.</summary>
/// <param name="Figure">The figure asked for.</param>
/// <param name="IsRight">True where the object of its colour is it; false also where no object of that colour was found.</param>
public readonly record struct FigureVerdict(Figure Figure, bool IsRight);
