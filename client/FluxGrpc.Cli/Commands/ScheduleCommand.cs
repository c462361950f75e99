using System.CommandLine;
using System.Globalization;
using FluxGrpc.Cli.Generation;
using FluxGrpc.Cli.Plots;
using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux schedule</c>: the timesteps of an image as numbers and as a curve.</summary>
internal static class ScheduleCommand
{
    private const int MaxSteps = 10_000;

    public static Command Create(Terminal terminal)
    {
        var schnell = new Option<bool>("--schnell")
        {
            Description = "The even schedule of FLUX.1-schnell instead of the shifted one of dev.",
        };
        var steps = new Option<int?>("--steps") { Description = "Denoising steps. Default: 28, with --schnell 4." };
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > MaxSteps)
                result.AddError($"--steps is {result.GetValueOrDefault<int?>()}; allowed: 1 to {MaxSteps}");
        });
        var width = SharedOptions.Side("--width");
        var height = SharedOptions.Side("--height");
        var plot = new Option<string?>("--plot") { Description = "PNG file to draw the curve to.", HelpName = "file" };

        var command = new Command("schedule", "Show the timesteps of an image.") { steps, width, height, schnell, plot };
        command.SetAction(parsed =>
        {
            var kind = parsed.GetValue(schnell) ? ScheduleKind.Even : ScheduleKind.Shifted;
            var grid = PatchGrid.OfPixels(parsed.GetValue(width), parsed.GetValue(height));
            var count = parsed.GetValue(steps) ?? (kind == ScheduleKind.Even ? 4 : 28);
            var timesteps = kind == ScheduleKind.Even ? Schedule.Even(count) : Schedule.Shifted(count, grid.TokenCount);
            Print(terminal, kind, grid, timesteps);
            if (parsed.GetValue(plot) is { } file)
            {
                OutputNames.Check(file);
                SchedulePlot.Save(file, kind, grid, timesteps);
                terminal.Output.WriteLine($"curve: {file}");
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Print(Terminal terminal, ScheduleKind kind, PatchGrid grid, float[] timesteps)
    {
        var shift = kind == ScheduleKind.Even
            ? "even"
            : string.Create(CultureInfo.InvariantCulture, $"shifted, mu {Schedule.Mu(grid.TokenCount):0.0000}");
        terminal.Output.WriteLine(
            $"{timesteps.Length - 1} steps at {grid.Width} x {grid.Height}: {grid.TokenCount} image tokens, {shift}");
        terminal.Output.WriteLine("step  t         t to the next");
        for (var step = 0; step < timesteps.Length; step++)
        {
            var distance = step + 1 < timesteps.Length
                ? (timesteps[step + 1] - timesteps[step]).ToString("0.000000", CultureInfo.InvariantCulture)
                : "";
            var line = string.Create(CultureInfo.InvariantCulture, $"{step,4}  {timesteps[step]:0.000000}  {distance}");
            terminal.Output.WriteLine(line.TrimEnd());
        }
    }
}
