using System.Globalization;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using FluxGrpc.Training.Tokenizers;
using FluxGrpc.Vae.Model;

namespace FluxGrpc.Training;

/// <summary>The whole training: tokenizers, autoencoder, reading, flow, guidance; each phase goes on where it was stopped.</summary>
internal sealed class TrainingSession : IDisposable
{
    private const int CheckSeed = 77;
    private const float CheckGuidance = 3;

    private readonly TrainingOptions _options;
    private readonly StartCheckpoint? _start;
    private readonly WorkerThreads _workers;
    private readonly TrainingReport _report;

    /// <param name="options">What the command was given.</param>
    /// <param name="output">Where progress is shown.</param>
    public TrainingSession(TrainingOptions options, TextWriter output)
    {
        _options = options;
        _start = options.StartFolder is { } folder ? new StartCheckpoint(folder, options.Device) : null;
        Directory.CreateDirectory(options.WorkFolder);
        _workers = new WorkerThreads(options.WorkerCount);
        _report = new TrainingReport(options.WorkFolder, output, !Console.IsOutputRedirected);
    }

    /// <summary>Trains, and writes the checkpoint after each phase and now and then within.</summary>
    /// <returns>False where it was stopped before the end.</returns>
    public bool Run(CancellationToken stop)
    {
        WriteTokenizers();
        var isAutoEncoderGiven = _start is not null && _options.AutoEncoderMinutes == 0;
        if ((isAutoEncoderGiven ? _start!.LoadAutoEncoder() : TrainAutoEncoder(stop)) is not { } trained)
            return false;

        var (autoEncoder, config) = trained;
        using (autoEncoder)
        using (var model = NewModel())
        using (var reading = new CaptionReading(model, _options))
        using (var pictures = new TrainingPictures(_options, autoEncoder, _workers.Count))
        {
            _start?.LoadInto(model, withT5: !_options.ReadsAnew);
            if (!LearnToRead(model, reading, stop))
                return false;

            var check = new ProgressCheck(
                new Sampler(model, autoEncoder, _options.Device), _workers, _report, _options.WorkFolder, CheckSeed);
            var write = () => CheckpointFolder.Write(_options.OutputFolder, _options.WorkFolder, model, autoEncoder, config);
            return TrainFlow(model, reading, pictures, check, write, stop) && Distil(model, pictures, check, write, stop);
        }
    }

    public void Dispose() => _workers.Dispose();

    private void WriteTokenizers()
    {
        if (_start is not null)
        {
            _start.CopyTokenizers(_options.WorkFolder);
            return;
        }

        var words = CaptionWords.Count();
        var t5 = Directory.CreateDirectory(Path.Combine(_options.WorkFolder, "tokenizer_2")).FullName;
        SentencePieceVocabulary.Write(words, Path.Combine(t5, "spiece.model"));
        BytePairVocabulary.Write(words, Directory.CreateDirectory(Path.Combine(_options.WorkFolder, "tokenizer")).FullName);
    }

    private (AutoEncoder Model, AutoEncoderConfig Config)? TrainAutoEncoder(CancellationToken stop)
    {
        using var trainer = new AutoEncoderTrainer(_options, _workers, _start);
        if (!trainer.Run(_options.AutoEncoderMinutes, _report, stop))
            return null;
        var finished = trainer.Finish();
        var (scale, shift) = (finished.Config.ScalingFactor, finished.Config.ShiftFactor);
        _report.Say(string.Create(CultureInfo.InvariantCulture,
            $"autoencoder: {trainer.MeasureRoundTrip():F1} dB on held-out scenes, scale {scale}, shift {shift}"));
        return finished;
    }

    private bool LearnToRead(FlowModel model, CaptionReading reading, CancellationToken stop)
    {
        using var former = _start?.LoadT5(model.Text.T5Config, _options.ComputeType);
        using var trainer = new ReadingTrainer(_options, model, reading, former, _workers);
        return trainer.Run(_options.ReadingMinutes, _report, stop);
    }

    private bool TrainFlow(
        FlowModel model,
        CaptionReading reading,
        TrainingPictures pictures,
        ProgressCheck check,
        Action write,
        CancellationToken stop)
    {
        using var trainer = new FlowTrainer(_options, model, reading, pictures, _workers);
        return trainer.Run(_options.FlowMinutes, _report, steps =>
        {
            check.Run($"flow-{steps:000000}", CheckGuidance, GuidanceMode.ClassifierFree);
            write();
        }, stop);
    }

    private bool Distil(FlowModel model, TrainingPictures pictures, ProgressCheck check, Action write, CancellationToken stop)
    {
        using var teacher = NewModel();
        teacher.CopyFrom(model);
        using var distillation = new GuidanceDistillation(_options, model, teacher, pictures, _workers);
        return distillation.Run(_options.GuidanceMinutes, _report, steps =>
        {
            check.Run($"guidance-{steps:000000}-1", 1, GuidanceMode.Distilled);
            check.Run($"guidance-{steps:000000}-4", 4, GuidanceMode.Distilled);
            write();
        }, stop);
    }

    private FlowModel NewModel() => new(_options.WorkFolder, _options.Seed, _options.Device, _options.ComputeType);
}
