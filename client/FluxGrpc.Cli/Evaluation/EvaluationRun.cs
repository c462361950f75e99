using System.Globalization;
using FluxGrpc.Client;
using FluxGrpc.Scenes;
using FluxGrpc.Scenes.Evaluation;
using Spectre.Console;

namespace FluxGrpc.Cli.Evaluation;

/// <summary>Orders pictures of held-out scenes and judges them by image arithmetic; the result is a table.</summary>
/// <param name="client">Who draws.</param>
/// <param name="terminal">Where the table goes.</param>
internal sealed class EvaluationRun(FluxClient client, Terminal terminal)
{
    private const int SceneSeed = 2026;
    private const int SheetPictures = 12;

    /// <summary>The model's own picture; scenes are placed for it.</summary>
    private const int SceneSide = 128;

    /// <summary>Draws, judges, prints.</summary>
    /// <param name="promptCount">Prompts; half of them with two objects.</param>
    /// <param name="seedCount">Pictures of each.</param>
    /// <param name="sheetPath">Where the first pictures go; null for nowhere.</param>
    /// <param name="cancellation">Stops it.</param>
    public async Task RunAsync(int promptCount, int seedCount, string? sheetPath, CancellationToken cancellation)
    {
        var prompts = Prompts(promptCount);
        var table = NewTable();
        table.AddRow("target", "≥ 200", "≥ 95 %", "≥ 95 %", "≥ 90 %", "", "≥ 90 %", "≥ 70 %");

        var pictures = await DrawAsync(new EvaluationSetting("default"), prompts, seedCount, cancellation);
        var scores = Score(pictures, pictures.Select(picture => picture.Prompt));
        AddRow(table, "default", scores);
        // The pictures stay, the prompts go one further: what is still right is right by chance.
        AddRow(table, "shuffled prompts (control)", Score(pictures, pictures.Skip(seedCount * 2).Concat(pictures.Take(seedCount * 2))
            .Select(picture => picture.Prompt)));
        if (sheetPath is not null)
            await ContactSheet.WriteAsync(sheetPath, [.. pictures.DistinctBy(picture => picture.Prompt).Take(SheetPictures)], cancellation);

        var half = prompts.Take((promptCount + 1) / 2).ToArray();
        EvaluationSetting[] comparisons =
        [
            new("guidance 1", Guidance: 1), new("guidance 4", Guidance: 4),
            new("4 steps", Steps: 4), new("8 steps", Steps: 8), new("20 steps", Steps: 20), new("50 steps", Steps: 50),
        ];
        foreach (var setting in comparisons)
        {
            var compared = await DrawAsync(setting, half, 1, cancellation);
            AddRow(table, setting.Name, Score(compared, compared.Select(picture => picture.Prompt)));
        }

        terminal.Drawing.Write(table);
        terminal.Drawing.WriteLine();
        terminal.Drawing.Write(FigureTable(scores));
    }

    private static ScenePrompt[] Prompts(int count)
    {
        var scenes = new SceneGenerator(SceneSeed);
        var captions = new Captions(SceneSeed);
        return [.. Enumerable.Range(0, count).Select(index =>
        {
            var scene = scenes.Next(SceneSide, SceneSide, shareOfTwo: index % 2, heldOut: true);
            return new ScenePrompt(captions.Complete(scene), scene);
        })];
    }

    private static Scores Score(IEnumerable<DrawnPicture> pictures, IEnumerable<ScenePrompt> wanted)
    {
        var scores = new Scores();
        foreach (var (picture, prompt) in pictures.Zip(wanted))
            scores.Add(Judge.Score(picture.Pixels, prompt.Scene));
        return scores;
    }

    private async Task<List<DrawnPicture>> DrawAsync(
        EvaluationSetting setting, ScenePrompt[] prompts, int seedCount, CancellationToken cancellation)
    {
        var pictures = new List<DrawnPicture>();
        foreach (var prompt in prompts)
        {
            for (var seed = 0; seed < seedCount; seed++)
            {
                var request = setting.ToRequest(prompt.Text, seed: (ulong)(pictures.Count + 1));
                await foreach (var image in client.GenerateImagesAsync(request, cancellation))
                    pictures.Add(new DrawnPicture(prompt, PngPixels.Decode(image.Data.Memory)));
            }

            if (terminal.IsInteractive)
                await terminal.Output.WriteAsync($"\r{setting.Name}: {pictures.Count} of {prompts.Length * seedCount} pictures ");
        }

        if (terminal.IsInteractive)
            await terminal.Output.WriteLineAsync();
        return pictures;
    }

    private static Table NewTable() =>
        NewTable("", "pictures", "background", "color", "shape", "shape (one)", "position", "relation");

    /// <summary>How many of each figure are right, of the row "default".</summary>
    private static Table FigureTable(Scores scores)
    {
        var figures = Enum.GetValues<Figure>();
        var table = NewTable(["", .. figures.Select(figure => figure.ToString().ToLowerInvariant())]);
        table.AddRow(["shape, by figure", .. figures.Select(figure => Percent(scores.FigureOf(figure)))]);
        return table;
    }

    private static Table NewTable(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Markdown).AddColumns(columns);
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned().NoWrap();
        return table;
    }

    private static void AddRow(Table table, string name, Scores scores) => table.AddRow(
        name, scores.Count.ToString(CultureInfo.InvariantCulture), Percent(scores.Background), Percent(scores.Color),
        Percent(scores.Figure), Percent(scores.FigureOfOne), Percent(scores.Position), Percent(scores.Relation));

    private static string Percent(double share) =>
        double.IsNaN(share) ? "-" : string.Create(CultureInfo.InvariantCulture, $"{100 * share:F1} %");
}
