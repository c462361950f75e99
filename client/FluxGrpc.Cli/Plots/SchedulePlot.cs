using System.Globalization;
using FluxGrpc.Orchestrator.Sampling;
using ScottPlot;

namespace FluxGrpc.Cli.Plots;

/// <summary>The timesteps as a curve over the steps, with the even schedule behind it for comparison.</summary>
internal static class SchedulePlot
{
    private const int Width = 1200;
    private const int Height = 800;

    /// <summary>Sans-serif fonts, one of which most systems have.</summary>
    private static readonly string[] _fonts = ["Inter", "Helvetica Neue", "Arial", "Liberation Sans", "Noto Sans", "DejaVu Sans"];

    private static readonly Color _curve = Color.FromHex("#2457C5");
    private static readonly Color _comparison = Color.FromHex("#9AA3B2");
    private static readonly Color _ink = Color.FromHex("#2B2F38");
    private static readonly Color _grid = Color.FromHex("#E6E9EF");

    /// <summary>Draws a schedule to a PNG file.</summary>
    public static void Save(string path, ScheduleKind kind, PatchGrid grid, float[] timesteps)
    {
        using var plot = new Plot();
        plot.Font.Set(_fonts.FirstOrDefault(SkiaSharp.SKFontManager.Default.FontFamilies.Contains, Fonts.Default));
        var steps = timesteps.Length - 1;
        if (kind == ScheduleKind.Shifted)
        {
            var even = plot.Add.Line(0, 1, steps, 0);
            even.Color = _comparison;
            even.LinePattern = LinePattern.Dashed;
            even.LineWidth = 2;
            even.LegendText = "even (schnell)";
        }

        var curve = plot.Add.Scatter([.. Enumerable.Range(0, steps + 1)], Array.ConvertAll(timesteps, t => (double)t));
        curve.Color = _curve;
        curve.LineWidth = 3;
        curve.MarkerSize = steps <= 60 ? 9 : 0;
        curve.LegendText = kind == ScheduleKind.Shifted
            ? string.Create(CultureInfo.InvariantCulture, $"shifted, mu = {Schedule.Mu(grid.TokenCount):0.00} (dev)")
            : "even (schnell)";

        Decorate(plot, steps);
        plot.Title($"{steps} steps at {grid.Width} x {grid.Height} ({grid.TokenCount} image tokens)", size: 24);
        plot.SavePng(path, Width, Height);
    }

    private static void Decorate(Plot plot, int steps)
    {
        plot.XLabel("step", size: 20);
        plot.YLabel("timestep t  (1 = noise, 0 = image)", size: 20);
        plot.Axes.SetLimits(-0.02 * steps, 1.02 * steps, -0.03, 1.03);
        plot.Axes.Bottom.TickLabelStyle.FontSize = 16;
        plot.Axes.Left.TickLabelStyle.FontSize = 16;
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        plot.Axes.Left.MinorTickStyle.Length = 0;
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericFixedInterval(0.1);
        plot.Axes.Color(_ink);
        plot.Axes.Right.IsVisible = false;
        plot.Axes.Top.IsVisible = false;
        plot.Grid.MajorLineColor = _grid;
        plot.ShowLegend(Alignment.LowerLeft);
        plot.Legend.FontSize = 18;
        plot.Legend.OutlineColor = _grid;
        plot.Legend.ShadowColor = Colors.Transparent;
    }
}
