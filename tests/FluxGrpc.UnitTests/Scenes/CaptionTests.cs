using System.Security.Cryptography;
using FluxGrpc.Scenes;
using Xunit;

namespace FluxGrpc.UnitTests.Scenes;

public sealed class CaptionTests
{
    [Fact]
    public void Equal_seeds_give_equal_scenes_and_captions()
    {
        Assert.Equal(Draw(seed: 3), Draw(seed: 3));
        Assert.NotEqual(Draw(seed: 3), Draw(seed: 4));
    }

    [Fact]
    public void A_complete_caption_names_everything_that_is_judged()
    {
        var scenes = new SceneGenerator(seed: 1);
        var captions = new Captions(seed: 1);
        for (var i = 0; i < 300; i++)
        {
            var scene = scenes.Next(128, 128, shareOfTwo: 0.5, heldOut: i % 2 == 0);
            var caption = captions.Complete(scene).Replace("grey", "gray", StringComparison.Ordinal);
            foreach (var placed in scene.Objects)
                Assert.Contains(placed.Color.ToString(), caption, StringComparison.OrdinalIgnoreCase);
            Assert.Contains(scene.Background + " background", caption, StringComparison.OrdinalIgnoreCase);
            var isLeft = scene.Position is { Column: -1 } || scene.Relation == Relation.LeftOf;
            Assert.Equal(isLeft, caption.Contains(" left", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_caption_of_two_places_puts_each_object_where_it_is()
    {
        var scenes = new SceneGenerator(seed: 5);
        var captions = new Captions(seed: 5);
        var found = 0;
        for (var i = 0; i < 500; i++)
        {
            var scene = scenes.Next(128, 128, shareOfTwo: 1, heldOut: false);
            var isAcross = scene.Relation is Relation.LeftOf or Relation.RightOf;
            var (low, high) = isAcross ? ("on the left", "on the right") : ("at the top", "at the bottom");
            var caption = captions.Next(scene).Replace("grey", "gray", StringComparison.Ordinal);
            if (!caption.Contains(low, StringComparison.Ordinal) || !caption.Contains(high, StringComparison.Ordinal))
                continue;
            found++;
            var ordered = scene.Objects.OrderBy(placed => isAcross ? placed.Center.X : placed.Center.Y).ToArray();
            Assert.Matches($@"(?i)\b{ordered[0].Color} \w+( sign)? {low}", caption);
            Assert.Matches($@"(?i)\b{ordered[1].Color} \w+( sign)? {high}", caption);
        }

        Assert.InRange(found, 150, 250);
    }

    [Fact]
    public void A_caption_tells_which_words_describe_which_object()
    {
        var scenes = new SceneGenerator(seed: 6);
        var captions = new Captions(seed: 6);
        for (var i = 0; i < 300; i++)
        {
            var scene = scenes.Next(128, 128, shareOfTwo: 0.5, heldOut: false);
            var caption = captions.NextWithMentions(scene);
            var words = caption.Text.Replace("grey", "gray", StringComparison.Ordinal).Split(' ');
            Assert.Equal(scene.Objects, caption.Mentions.Select(mention => mention.Object));
            foreach (var (span, placed, place) in caption.Mentions)
            {
                Assert.Matches($@"(?i)^an? (\w+ )?{placed.Color} \w+( sign)?[.,]?$", string.Join(' ', words[span]));
                if (place is { } said)
                    Assert.Equal(GridPosition.Of(placed.Center.X, placed.Center.Y, 128, 128), said);
                else
                    Assert.NotNull(scene.Position);
            }
        }
    }

    [Fact]
    public void Held_out_combinations_never_come_in_training_but_each_of_their_parts_does()
    {
        var scenes = new SceneGenerator(seed: 2);
        var seen = new HashSet<(Figure Figure, PaletteColor Color, PaletteColor Background)>();
        for (var i = 0; i < 20_000; i++)
        {
            var scene = scenes.Next(128, 128, shareOfTwo: 0.3, heldOut: false);
            seen.UnionWith(scene.Objects.Select(placed => (placed.Figure, placed.Color, scene.Background)));
        }

        var colors = Palette.All.Count;
        Assert.DoesNotContain(seen, combination =>
            Scene.IsHeldOutCombination(combination.Figure, combination.Color, combination.Background));
        Assert.Equal(Enum.GetValues<Figure>().Length * colors, seen.Select(found => (found.Figure, found.Color)).Distinct().Count());
        Assert.Equal(colors * (colors - 1), seen.Select(found => (found.Color, found.Background)).Distinct().Count());
    }

    [Fact]
    public void Objects_lie_inside_the_picture_and_apart()
    {
        var scenes = new SceneGenerator(seed: 9);
        for (var i = 0; i < 500; i++)
        {
            var scene = scenes.Next(192, 128, shareOfTwo: 0.5, heldOut: false);
            foreach (var placed in scene.Objects)
            {
                var extent = FigureOutline.HalfExtent(placed.Figure) * placed.Radius;
                Assert.InRange(placed.Center.X, extent.X + 1, 191 - extent.X);
                Assert.InRange(placed.Center.Y, extent.Y + 1, 127 - extent.Y);
            }

            if (scene.Objects is [var first, var second])
            {
                var gap = System.Numerics.Vector2.Abs(first.Center - second.Center)
                    - (FigureOutline.HalfExtent(first.Figure) + FigureOutline.HalfExtent(second.Figure)) * first.Radius;
                Assert.True(gap.X > 2 || gap.Y > 2, $"{scene}");
            }
        }
    }

    private static string Draw(int seed)
    {
        var scene = new SceneGenerator(seed).Next(128, 128, shareOfTwo: 0.5, heldOut: false);
        return new Captions(seed).Next(scene) + Convert.ToHexString(SHA256.HashData(ShapeRenderer.Render(scene).Pixels));
    }
}
