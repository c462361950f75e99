using System.Numerics;

namespace FluxGrpc.Scenes;

/// <summary>Draws scenes by lot, the same for the same seed.</summary>
/// <param name="seed">Seed of the sequence.</param>
/// <param name="figures">Figures to draw from, one named twice twice as often; null for each as often as the others.</param>
public sealed class SceneGenerator(int seed, IReadOnlyList<Figure>? figures = null)
{
    private const float MarginPixels = 3;

    private readonly Random _random = new(seed);
    private readonly IReadOnlyList<Figure> _figures = figures ?? Enum.GetValues<Figure>();

    /// <summary>A scene with a share of two objects, from training's combinations or from those held out.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="shareOfTwo">Probability of two objects.</param>
    /// <param name="heldOut">Which side of the split.</param>
    public Scene Next(int width, int height, double shareOfTwo, bool heldOut)
    {
        while (true)
        {
            var scene = _random.NextDouble() < shareOfTwo ? Two(width, height) : One(width, height);
            if (scene.IsHeldOut == heldOut)
                return scene;
        }
    }

    /// <summary>One to three figures anywhere, also over one another and over the edge, in any colours: for the autoencoder.</summary>
    public Scene Patchwork(int width, int height)
    {
        var objects = Enumerable.Range(0, _random.Next(1, 4)).Select(_ => new SceneObject(
            Pick(_figures),
            Pick(Palette.All),
            new Vector2(Between(0, width), Between(0, height)),
            Between(8, 38),
            ObjectSize.Medium));
        return new Scene(width, height, Pick(Palette.All), [.. objects], null, null);
    }

    private Scene One(int width, int height)
    {
        var background = Pick(Palette.All);
        var position = Pick(GridPosition.All);
        var size = _random.NextDouble() < 0.5 ? ObjectSize.Medium : Pick([ObjectSize.Small, ObjectSize.Large]);
        var radius = Math.Min(width, height) * size switch
        {
            ObjectSize.Small => Between(0.15f, 0.17f),
            ObjectSize.Medium => Between(0.20f, 0.23f),
            _ => Between(0.26f, 0.28f),
        };
        var center = new Vector2(
            Place(position.Column, width, radius),
            Place(position.Row, height, radius));
        return new Scene(width, height, background, [Object(background, center, radius, size)], position, null);
    }

    private Scene Two(int width, int height)
    {
        var background = Pick(Palette.All);
        var relation = Pick(Enum.GetValues<Relation>());
        var isAcross = relation is Relation.LeftOf or Relation.RightOf;
        var isFirstLow = relation is Relation.LeftOf or Relation.Above;
        var radius = Math.Min(width, height) * Between(0.17f, 0.20f);
        var (low, high) = isAcross ? (At(-1, 0), At(1, 0)) : (At(0, -1), At(0, 1));
        SceneObject first;
        SceneObject second;
        do
        {
            first = Object(background, isFirstLow ? low : high, radius, ObjectSize.Medium);
            second = Object(background, isFirstLow ? high : low, radius, ObjectSize.Medium);
        }
        while (first.Color == second.Color);
        return new Scene(width, height, background, [first, second], null, relation);

        Vector2 At(int column, int row) => new(Place(column, width, radius), Place(row, height, radius));
    }

    private SceneObject Object(PaletteColor background, Vector2 center, float radius, ObjectSize size)
    {
        var colors = Palette.All.Where(color => color != background).ToArray();
        return new SceneObject(Pick(_figures), Pick(colors), center, radius, size);
    }

    /// <summary>A centre in a third of the picture from which the widest figure still fits in.</summary>
    private float Place(int third, int length, float radius)
    {
        const float WidestExtent = 1.07f;
        var room = WidestExtent * radius + MarginPixels;
        var wished = length * ((third + 1.5f) / 3 + Between(-0.03f, 0.03f));
        return Math.Clamp(wished, room, length - room);
    }

    private float Between(float low, float high) => low + (high - low) * _random.NextSingle();

    private T Pick<T>(IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];
}
