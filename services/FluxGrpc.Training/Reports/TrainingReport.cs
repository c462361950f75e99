using System.Globalization;

namespace FluxGrpc.Training.Reports;

/// <summary>Shows the progress in one line, and keeps the losses as CSV and as a curve.</summary>
/// <param name="folder">Where the files go.</param>
/// <param name="output">Where the line goes.</param>
/// <param name="isInteractive">The line is rewritten in place; otherwise a new one comes only with each flush.</param>
internal sealed class TrainingReport(string folder, TextWriter output, bool isInteractive)
{
    private const int StepsPerPoint = 20;

    private readonly List<double> _recent = [];
    private string _line = "";

    /// <summary>Notes a step.</summary>
    public void Step(string phase, int step, double loss, TimeSpan elapsed, TimeSpan total)
    {
        _recent.Add(loss);
        if (_recent.Count < StepsPerPoint)
            return;

        var mean = _recent.Average();
        _recent.Clear();
        File.AppendAllText(PathOf(phase), string.Create(
            CultureInfo.InvariantCulture, $"{step},{elapsed.TotalSeconds:F1},{mean:F6}\n"));
        var done = (int)(20 * elapsed / total);
        var bar = new string('#', done) + new string('.', 20 - done);
        _line = string.Create(CultureInfo.InvariantCulture,
            $"{phase} [{bar}] step {step}, loss {mean:F4}, {total - elapsed:h\\:mm\\:ss} left");
        if (isInteractive)
            output.Write("\r" + _line);
    }

    /// <summary>Draws the curves.</summary>
    public void Flush()
    {
        output.WriteLine(isInteractive ? "" : _line);
        foreach (var path in Directory.EnumerateFiles(folder, "*.loss.csv"))
            LossCurve.Draw(path, Path.ChangeExtension(path, ".png"));
    }

    /// <summary>Says something.</summary>
    public void Say(string text) => output.WriteLine(text);

    private string PathOf(string phase) => Path.Combine(folder, $"{phase}.loss.csv");
}
