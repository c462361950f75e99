using System.Numerics;

namespace FluxGrpc.Scenes;

/// <summary>The outlines of the figures: signed distances in units of the figure's radius, y down, centred on the figure's box.</summary>
public static class FigureOutline
{
    private const float RingHole = 0.5f;
    private const float CrossArm = 0.36f;
    private const float StarInnerRadius = 0.46f;

    private static readonly Vector2[][] _polygons = [.. Enum.GetValues<Figure>().Select(Polygon)];

    /// <summary>Half the width and height of the figure's bounding box, in radii.</summary>
    public static Vector2 HalfExtent(Figure figure) => figure is Figure.Circle or Figure.Ring
        ? Vector2.One
        : _polygons[(int)figure].Aggregate(Vector2.Zero, (extent, corner) => Vector2.Max(extent, Vector2.Abs(corner)));

    /// <summary>Distance from a point to the outline in radii; negative inside.</summary>
    /// <param name="figure">The figure.</param>
    /// <param name="point">Where, relative to the centre of the figure's box, in radii.</param>
    public static float SignedDistance(Figure figure, Vector2 point) => figure switch
    {
        Figure.Circle => point.Length() - 1,
        Figure.Ring => Math.Max(point.Length() - 1, RingHole - point.Length()),
        _ => PolygonDistance(_polygons[(int)figure], point),
    };

    /// <summary>Corners around the centre of their bounding box; none for the round figures.</summary>
    private static Vector2[] Polygon(Figure figure)
    {
        Vector2[] corners = figure switch
        {
            Figure.Square => [new(-0.86f, -0.86f), new(0.86f, -0.86f), new(0.86f, 0.86f), new(-0.86f, 0.86f)],
            Figure.Triangle => [new(0, -0.9f), new(1.04f, 0.9f), new(-1.04f, 0.9f)],
            Figure.Star => [.. Enumerable.Range(0, 10).Select(StarCorner)],
            Figure.Cross =>
            [
                new(-CrossArm, -1), new(CrossArm, -1), new(CrossArm, -CrossArm), new(1, -CrossArm), new(1, CrossArm),
                new(CrossArm, CrossArm), new(CrossArm, 1), new(-CrossArm, 1), new(-CrossArm, CrossArm), new(-1, CrossArm),
                new(-1, -CrossArm), new(-CrossArm, -CrossArm),
            ],
            _ => [],
        };
        if (corners.Length == 0)
            return corners;

        var low = corners.Aggregate(Vector2.Min);
        var high = corners.Aggregate(Vector2.Max);
        return [.. corners.Select(corner => corner - (low + high) / 2)];
    }

    private static Vector2 StarCorner(int index)
    {
        var (sin, cos) = MathF.SinCos(index * MathF.PI / 5);
        return new Vector2(sin, -cos) * (index % 2 == 0 ? 1.1f : 1.1f * StarInnerRadius);
    }

    /// <summary>The nearest edge gives the distance, the number of edges crossed by a ray to the right gives the sign.</summary>
    private static float PolygonDistance(Vector2[] corners, Vector2 point)
    {
        var nearest = float.MaxValue;
        var inside = false;
        for (var i = 0; i < corners.Length; i++)
        {
            var (a, b) = (corners[i], corners[(i + 1) % corners.Length]);
            var edge = b - a;
            var along = Math.Clamp(Vector2.Dot(point - a, edge) / edge.LengthSquared(), 0, 1);
            nearest = Math.Min(nearest, Vector2.DistanceSquared(point, a + edge * along));
            if (a.Y > point.Y != b.Y > point.Y && point.X < a.X + edge.X * (point.Y - a.Y) / edge.Y)
                inside = !inside;
        }

        return inside ? -MathF.Sqrt(nearest) : MathF.Sqrt(nearest);
    }
}
