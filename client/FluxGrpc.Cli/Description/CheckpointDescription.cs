using System.Globalization;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using Spectre.Console;

namespace FluxGrpc.Cli.Description;

/// <summary>What a checkpoint on disk is, from its headers alone.</summary>
internal static class CheckpointDescription
{
    private static readonly (ModelComponent Component, string Name)[] _components =
    [
        (ModelComponent.Transformer, "transformer"), (ModelComponent.Vae, "VAE"), (ModelComponent.T5, "T5 encoder"),
        (ModelComponent.ClipText, "CLIP text encoder"),
    ];

    /// <summary>Prints a table with a row for each component that is there.</summary>
    /// <exception cref="InvalidDataException">None is there.</exception>
    public static void Print(string path, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("component", "layout", "stored as", "parameters", "size", "what it is");
        foreach (var column in table.Columns.Skip(3).Take(2))
            column.RightAligned();
        var problems = new List<string>();
        foreach (var (component, name) in _components)
        {
            try
            {
                using var checkpoint = Checkpoint.Open(path, component);
                table.AddRow(new Text(name), new Text(checkpoint.Layout.WireName()), new Text(TypesOf(checkpoint)),
                    new Text(Numbers.Grouped(checkpoint.ParameterCount)), new Text(Numbers.Bytes(checkpoint.ByteLength)),
                    new Text(Facts(checkpoint, component)));
            }
            catch (InvalidDataException exception)
            {
                problems.Add(exception.Message);
            }
        }

        if (table.Rows.Count == 0)
            throw new InvalidDataException(problems[0]);
        console.WriteLine(Path.GetFullPath(path));
        console.Write(table);
    }

    private static string TypesOf(Checkpoint checkpoint) =>
        string.Join(", ", checkpoint.Tensors.Values.Select(tensor => tensor.Type.FormatName()).Distinct().Order(StringComparer.Ordinal));

    private static string Facts(Checkpoint checkpoint, ModelComponent component)
    {
        var weights = checkpoint.Config.TryGetBool("_random_weights") == true ? "; random weights" : "";
        if (component != ModelComponent.Transformer)
            return weights.TrimStart(';', ' ');

        TransformerConfig config;
        try
        {
            config = TransformerConfigReader.Read(checkpoint);
        }
        catch (InvalidDataException exception)
        {
            return exception.Message; // The rest of the row stands.
        }

        var variant = config.TakesGuidance ? "dev (guidance)" : "schnell (no guidance)";
        return string.Create(CultureInfo.InvariantCulture,
            $"{variant}; hidden {config.HiddenSize}, {config.HeadCount} heads, "
            + $"{config.DoubleBlockCount} + {config.SingleBlockCount} blocks, {config.InChannels} channels in, "
            + $"text {config.ContextSize} + {config.PooledSize}{weights}");
    }
}
