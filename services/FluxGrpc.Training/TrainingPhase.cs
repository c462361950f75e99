using System.Diagnostics;
using System.Globalization;
using FluxGrpc.Checkpoints;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>One stretch of training with its own time: repeats a step, saves now and then, and goes on where it was stopped.</summary>
/// <param name="name">Name of the phase and its state file.</param>
/// <param name="minutes">
/// Time for it, in which all cores compute: what other programs take does not count, and time before a resumption does.
/// </param>
/// <param name="options">What the command was given.</param>
/// <param name="optimizer">What is saved.</param>
/// <param name="report">Where the loss goes.</param>
internal sealed class TrainingPhase(
    string name, double minutes, TrainingOptions options, Optimizer optimizer, TrainingReport report)
{
    private static readonly TimeSpan _saveInterval = TimeSpan.FromMinutes(6);

    private string StatePath => Path.Combine(options.WorkFolder, $"{name}.state.safetensors");

    /// <summary>Runs or resumes the phase.</summary>
    /// <param name="step">Makes a step at a point from 0 to 1 of the phase; gives its loss.</param>
    /// <param name="afterSave">Called after each save but the last.</param>
    /// <param name="stop">Saves and returns early.</param>
    /// <returns>True where the time is used up.</returns>
    public bool Run(Func<double, double> step, Action afterSave, CancellationToken stop)
    {
        var total = TimeSpan.FromMinutes(minutes);
        var elapsed = Resume();
        var sinceSave = Stopwatch.StartNew();
        var mark = ComputeTime();
        while (elapsed < total)
        {
            if (stop.IsCancellationRequested)
            {
                Save(elapsed);
                return false;
            }

            var loss = step(elapsed / total);
            elapsed += ComputeTime() - mark;
            mark = ComputeTime();
            report.Step(name, optimizer.StepCount, loss, elapsed, total);
            if (sinceSave.Elapsed < _saveInterval)
                continue;
            Save(elapsed);
            report.Flush();
            afterSave();
            sinceSave.Restart();
            mark = ComputeTime(); // Samples and saving are no training.
        }

        Save(total);
        report.Flush();
        return true;
    }

    private TimeSpan ComputeTime()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime / optimizer.WorkerCount;
    }

    private void Save(TimeSpan elapsed) => SafetensorsWriter.Write(StatePath, optimizer.State(), new Dictionary<string, string>
    {
        ["steps"] = optimizer.StepCount.ToString(CultureInfo.InvariantCulture),
        ["seconds"] = elapsed.TotalSeconds.ToString(CultureInfo.InvariantCulture),
    });

    private TimeSpan Resume()
    {
        if (!File.Exists(StatePath))
            return TimeSpan.Zero;

        using var noGradients = no_grad();
        using var file = SafetensorsFile.Open(StatePath);
        foreach (var parameter in optimizer.Parameters)
        {
            foreach (var (key, tensor) in parameter.State)
            {
                using var stored = file.View(key);
                tensor.copy_(stored);
            }

            parameter.Publish();
        }

        optimizer.StepCount = int.Parse(file.Metadata["steps"], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(double.Parse(file.Metadata["seconds"], CultureInfo.InvariantCulture));
    }
}
