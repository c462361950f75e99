using System.Globalization;
using System.Text.RegularExpressions;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;
using Spectre.Console;

namespace FluxGrpc.Cli.Description;

/// <summary>A transformer as a table; blocks that are alike are one row.</summary>
internal static partial class NetworkTable
{
    /// <summary>Prints the parts and their sum.</summary>
    public static void Print(IReadOnlyList<SummaryRow> rows, IAnsiConsole console)
    {
        var whole = rows.Sum(row => row.ParameterCount);
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("module", "input", "output", "parameters", "times", "together", "share");
        foreach (var column in table.Columns.Skip(3))
            column.RightAligned().NoWrap();

        string? openList = null;
        foreach (var part in Parts(rows))
        {
            if (part.List is not null && part.List != openList)
                AddHeading(table, part.List, rows, whole);
            openList = part.List;
            AddRow(table, part.List is null ? part.Name : $"  {part.Name}", part.Row, part.Row.ParameterCount, part.Count, whole);
        }

        table.AddEmptyRow();
        table.AddRow(
            new Text("total"), Text.Empty, Text.Empty, Text.Empty, Text.Empty, new Text(Numbers.Grouped(whole)), new Text("100.0 %"));
        console.Write(table);
    }

    /// <summary>Rows in their order; of blocks that are alike only the first block's, with their number.</summary>
    internal static IEnumerable<NetworkPart> Parts(IReadOnlyList<SummaryRow> rows) => rows
        .Select(row => (Row: row, Block: BlockName().Match(row.Module)))
        .Select(part => part.Block.Success
            ? new NetworkPart(part.Block.Groups["list"].Value, part.Block.Groups["part"].Value, part.Row, 1)
            : new NetworkPart(null, part.Row.Module, part.Row, 1))
        .GroupBy(part => (part.List, part.Name, Shape.Format(part.Row.InputShape), part.Row.ParameterCount))
        .Select(alike => alike.First() with { Count = alike.Count() });

    private static void AddHeading(Table table, string list, IReadOnlyList<SummaryRow> rows, long whole)
    {
        var inList = rows.Where(row => row.Module.StartsWith($"{list}.", StringComparison.Ordinal)).ToList();
        var blocks = inList.GroupBy(row => BlockName().Match(row.Module).Groups["index"].Value).ToList();
        var name = string.Create(CultureInfo.InvariantCulture, $"{list}, {blocks.Count} blocks");
        AddRow(table, name, row: null, blocks[0].Sum(row => row.ParameterCount), blocks.Count, whole);
    }

    private static void AddRow(Table table, string name, SummaryRow? row, long parameters, int count, long whole)
    {
        var style = row is null ? new Style(decoration: Decoration.Bold) : Style.Plain;
        table.AddRow(
            new Text(name, style), new Text(row is null ? "" : Shape.Format(row.InputShape)),
            new Text(row is null ? "" : Shape.Format(row.OutputShape)), new Text(Numbers.Grouped(parameters), style),
            new Text(count == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"x {count}"), style),
            new Text(Numbers.Grouped(count * parameters), style), new Text(Numbers.Share(count * parameters, whole), style));
    }

    [GeneratedRegex(@"^(?<list>\w+_blocks)\.(?<index>\d+)\.(?<part>.+)$")]
    private static partial Regex BlockName();
}
