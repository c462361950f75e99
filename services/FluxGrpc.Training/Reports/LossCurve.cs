using System.Globalization;
using ScottPlot;

namespace FluxGrpc.Training.Reports;

/// <summary>Draws a loss over time.</summary>
internal static class LossCurve
{
    private const int Width = 900;
    private const int Height = 500;

    /// <summary>Draws a file of lines "step,seconds,loss" as a PNG.</summary>
    public static void Draw(string csvPath, string pngPath)
    {
        var rows = File.ReadLines(csvPath)
            .Select(line => line.Split(',').Select(part => double.Parse(part, CultureInfo.InvariantCulture)).ToArray())
            .ToArray();
        using var plot = new Plot();
        plot.Add.ScatterLine(rows.Select(row => row[1] / 60).ToArray(), rows.Select(row => Math.Log10(row[2])).ToArray());
        plot.Title(Path.GetFileName(csvPath));
        plot.XLabel("minutes");
        plot.YLabel("log10 of the loss");
        plot.SavePng(pngPath, Width, Height);
    }
}
