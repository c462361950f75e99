using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests.Traffic;

/// <summary>Draws the pictures of a run: mixed sizes, steps, prompts and priorities, from a seed.</summary>
internal static class TrafficPlan
{
    private const int LeastSteps = 10;
    private const int MostSteps = 28;

    private static readonly string[] _colours = ["red", "green", "blue", "yellow", "purple", "orange"];
    private static readonly string[] _shapes = ["circle", "square", "triangle", "star", "ring"];

    /// <summary>Few sizes: images of equal size meet in one batch.</summary>
    private static readonly (int Width, int Height)[] _sizes = [(96, 96), (128, 128), (160, 96), (192, 192)];

    /// <summary>Draws the plan.</summary>
    public static IReadOnlyList<Order> Draw(int seed, int images)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, images).Select(number => DrawOrder(random, number))];
    }

    private static Order DrawOrder(Random random, int number)
    {
        var (width, height) = Pick(random, _sizes);
        return new Order(
            number,
            $"a {Pick(random, _colours)} {Pick(random, _shapes)} on {Pick(random, _colours)}",
            width,
            height,
            random.Next(LeastSteps, MostSteps + 1),
            (ulong)random.NextInt64(),
            random.Next(2) == 0 ? Priority.Interactive : Priority.Batch);
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];
}
