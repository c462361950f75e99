using FluxGrpc.Cli.Evaluation;
using FluxGrpc.Client;
using FluxGrpc.LocalCluster;
using FluxGrpc.Scenes;
using FluxGrpc.Scenes.Evaluation;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.ProcessTests.Drawing;

/// <summary>
/// The embedded model draws what it is asked for: held-out scenes with fixed seeds through all four services, judged on the PNGs.
/// The thresholds are those that the shipped weights meet; the model card tells the targets.
/// </summary>
public sealed class DrawingTests(ITestOutputHelper output)
{
    private const int SceneCount = 40;

    [Fact]
    public async Task Pictures_show_what_their_prompts_say_and_not_what_others_say()
    {
        var scenes = new SceneGenerator(seed: 404);
        var captions = new Captions(seed: 404);
        var wanted = Enumerable.Range(0, SceneCount)
            .Select(index => scenes.Next(128, 128, shareOfTwo: index % 2, heldOut: true))
            .OrderBy(scene => scene.Objects.Count).ToArray();

        var pictures = await DrawAsync([.. wanted.Select(captions.Complete)]);

        var own = Score(pictures, wanted);
        var others = Score(pictures, [.. wanted.Skip(1), wanted[0]]);
        Report("own prompts", own);
        Report("others' prompts", others);
        Assert.InRange(own.Background, 0.95, 1);
        Assert.InRange(own.Color, 0.9, 1);
        Assert.InRange(own.FigureOfOne, 0.85, 1);
        Assert.InRange(own.Figure, 0.8, 1);
        Assert.InRange(own.Position, 0.9, 1);
        Assert.InRange(own.Relation, 0.7, 1);
        Assert.InRange(others.Background, 0, 0.35);
        Assert.InRange(others.Color, 0, 0.35);
        Assert.InRange(others.Position, 0, 0.45);
    }

    private static async Task<List<RgbImage>> DrawAsync(IReadOnlyList<string> prompts)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(new EmbeddedClusterOptions { Checkpoint = EmbeddedCheckpoint.Folder });
        await using var client = FluxClient.Connect(cluster.Address);
        var pictures = new List<RgbImage>();
        foreach (var prompt in prompts)
        {
            await foreach (var image in client.GenerateImagesAsync(new GenerateRequest { Prompt = prompt, Seed = (ulong)pictures.Count }))
                pictures.Add(PngPixels.Decode(image.Data.Memory));
        }

        return pictures;
    }

    private static Scores Score(List<RgbImage> pictures, Scene[] wanted)
    {
        var scores = new Scores();
        for (var i = 0; i < pictures.Count; i++)
            scores.Add(Judge.Score(pictures[i], wanted[i]));
        return scores;
    }

    private void Report(string name, Scores scores) => output.WriteLine(
        $"{name}: background {scores.Background:P0}, color {scores.Color:P0}, figure {scores.Figure:P0}, "
        + $"position {scores.Position:P0}, relation {scores.Relation:P0}");
}
