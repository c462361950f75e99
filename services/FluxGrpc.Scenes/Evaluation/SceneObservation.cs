namespace FluxGrpc.Scenes.Evaluation;

/// <summary>An object as the judge sees it in a picture.</summary>
/// <param name="Color">Nearest palette colour of its inside.</param>
/// <param name="Figure">The figure whose template fits best.</param>
/// <param name="Fit">Intersection over union with that template, 0 to 1.</param>
/// <param name="CenterX">Centre of its bounding box in pixels.</param>
/// <param name="CenterY">Centre of its bounding box in pixels, y down.</param>
/// <param name="Area">Its pixels.</param>
public sealed record ObservedObject(PaletteColor Color, Figure Figure, double Fit, float CenterX, float CenterY, int Area);

/// <summary>What the judge sees in a picture.</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Background">The colour along the picture's border.</param>
/// <param name="Objects">Objects on it, largest first.</param>
public sealed record SceneObservation(int Width, int Height, PaletteColor Background, IReadOnlyList<ObservedObject> Objects);
