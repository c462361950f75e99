using FluxGrpc.Scenes;
using Xunit;

namespace FluxGrpc.UnitTests.Scenes;

public sealed class SceneGeneratorTests
{
    [Fact]
    public void A_figure_named_twice_comes_twice_as_often()
    {
        const int Scenes = 4_000;
        var figures = Enum.GetValues<Figure>();
        var generator = new SceneGenerator(seed: 3, [.. figures, Figure.Star]);

        var drawn = Enumerable.Range(0, Scenes)
            .Select(_ => generator.Next(128, 128, shareOfTwo: 0, heldOut: false).Objects[0].Figure)
            .CountBy(figure => figure).ToDictionary();

        Assert.All(figures, figure =>
            Assert.InRange(drawn[figure] / (double)Scenes, figure == Figure.Star ? 0.26 : 0.12, figure == Figure.Star ? 0.31 : 0.17));
    }
}
