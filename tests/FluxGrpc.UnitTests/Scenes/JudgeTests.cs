using FluxGrpc.Scenes;
using FluxGrpc.Scenes.Evaluation;
using Xunit;

namespace FluxGrpc.UnitTests.Scenes;

public sealed class JudgeTests
{
    private static readonly (int Width, int Height)[] _pictureSizes = [(128, 128), (192, 128), (128, 192), (160, 160)];

    [Fact]
    public void Rendered_truth_is_right_in_at_least_99_percent()
    {
        var scores = ScoreAll(scenes => scenes);

        Assert.InRange(scores.Background, 0.99, 1);
        Assert.InRange(scores.Color, 0.99, 1);
        Assert.InRange(scores.Figure, 0.99, 1);
        Assert.InRange(scores.Position, 0.99, 1);
        Assert.InRange(scores.Relation, 0.99, 1);
        Assert.All(Enum.GetValues<Figure>(), figure => Assert.InRange(scores.FigureOf(figure), 0.98, 1));
    }

    [Fact]
    public void Pictures_of_other_scenes_fall_to_chance()
    {
        var scores = ScoreAll(scenes => [.. scenes.Skip(1), scenes[0]]);

        Assert.InRange(scores.Background, 0, 0.25);
        Assert.InRange(scores.Color, 0, 0.2);
        Assert.InRange(scores.Figure, 0, 0.25);
        Assert.InRange(scores.Position, 0, 0.25);
        Assert.InRange(scores.Relation, 0, 0.15);
    }

    [Theory]
    [InlineData("figure")]
    [InlineData("color")]
    [InlineData("background")]
    [InlineData("position")]
    [InlineData("missing")]
    [InlineData("twice")]
    public void One_wrong_thing_is_noticed(string what)
    {
        var wanted = new SceneGenerator(seed: 5).Next(128, 128, shareOfTwo: 0, heldOut: false);
        var drawn = wanted.Objects[0];
        var other = Palette.All.First(color => color != wanted.Background && color != drawn.Color);
        var wrong = what switch
        {
            "figure" => wanted with { Objects = [drawn with { Figure = drawn.Figure == Figure.Star ? Figure.Ring : Figure.Star }] },
            "color" => wanted with { Objects = [drawn with { Color = other }] },
            "background" => wanted with { Background = other },
            "position" => wanted with { Objects = [drawn with { Center = Opposite(drawn.Center) }] },
            "missing" => wanted with { Objects = [] },
            _ => wanted with { Objects = [drawn with { Radius = 20 }, drawn with { Radius = 20, Center = Opposite(drawn.Center) }] },
        };

        var verdict = Judge.Score(ShapeRenderer.Render(wrong), wanted);

        Assert.Equal(what == "background", !verdict.Background);
        Assert.Equal(what is "color" or "missing" or "twice", !verdict.Color);
        Assert.Equal(what is "figure" or "missing", !verdict.Figure);
    }

    [Fact]
    public void Of_two_objects_the_wrong_one_is_named()
    {
        var generator = new SceneGenerator(seed: 8);
        var wanted = Enumerable.Range(0, 100).Select(_ => generator.Next(128, 128, shareOfTwo: 1, heldOut: false))
            .First(scene => scene.Objects[0].Figure == Figure.Star && scene.Objects[1].Figure == Figure.Square);
        var drawn = wanted with { Objects = [wanted.Objects[0] with { Figure = Figure.Circle }, wanted.Objects[1]] };

        var verdict = Judge.Score(ShapeRenderer.Render(drawn), wanted);

        Assert.Equal([new FigureVerdict(Figure.Star, false), new FigureVerdict(Figure.Square, true)], verdict.Figures);
        Assert.False(verdict.Figure);
        Assert.True(verdict.Relation);
    }

    [Fact]
    public void Noise_is_no_figure()
    {
        var wanted = new SceneGenerator(seed: 6).Next(128, 128, shareOfTwo: 0, heldOut: false);
        var pixels = new byte[128 * 128 * 3];
        new Random(7).NextBytes(pixels);

        var verdict = Judge.Score(new RgbImage(128, 128, pixels), wanted);

        Assert.False(verdict.Color);
        Assert.False(verdict.Figure);
    }

    private static System.Numerics.Vector2 Opposite(System.Numerics.Vector2 center) =>
        new(center.X < 64 ? 98 : 30, center.Y < 64 ? 98 : 30);

    private static Scores ScoreAll(Func<Scene[], Scene[]> wantedFrom)
    {
        var generator = new SceneGenerator(seed: 1);
        var scenes = Enumerable.Range(0, 400).Select(index =>
        {
            var (width, height) = _pictureSizes[index % _pictureSizes.Length];
            return generator.Next(width, height, shareOfTwo: 0.5, heldOut: index % 2 == 0);
        }).OrderBy(scene => scene.Objects.Count).ToArray();
        var wanted = wantedFrom(scenes);
        var scores = new Scores();
        for (var i = 0; i < scenes.Length; i++)
            scores.Add(Judge.Score(ShapeRenderer.Render(scenes[i]), wanted[i]));
        return scores;
    }
}
