using FluxGrpc.Scenes;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Trains the T5 encoder on <see cref="CaptionReading"/> alone, before the flow: captions cost next to nothing without pictures.
/// </summary>
internal sealed class ReadingTrainer : IDisposable
{
    private const int CaptionsPerWorker = 64;

    private readonly TrainingOptions _options;
    private readonly FlowModel _model;
    private readonly CaptionReading _reading;
    private readonly Optimizer _optimizer;

    /// <param name="options">What the command was given.</param>
    /// <param name="model">Whose T5 encoder learns.</param>
    /// <param name="reading">The exercise.</param>
    /// <param name="workers">Threads to compute with.</param>
    public ReadingTrainer(TrainingOptions options, FlowModel model, CaptionReading reading, WorkerThreads workers)
    {
        (_options, _model, _reading) = (options, model, reading);
        _optimizer = new Optimizer([.. model.LearnT5(), .. reading.Learn()], new OptimizerSettings
        {
            MuonRate = (rows, columns) => 0.01 * Math.Sqrt(Math.Max(1, rows / (double)columns)),
            MuonMomentum = 0.9,
            AdamRate = 1.5e-3,
            AverageDecay = 0.998,
        }, workers);
    }

    /// <summary>Trains until the time is over, and puts the averaged weights into the model.</summary>
    /// <returns>False where it was stopped before.</returns>
    public bool Run(double minutes, TrainingReport report, CancellationToken stop)
    {
        var phase = new TrainingPhase("reading", minutes, _options, _optimizer, report);
        var schedule = new RateSchedule(ConstantShare: 0.4, Last: 0.03);
        var isDone = phase.Run(progress => _optimizer.Step(Loss, schedule.At(progress)), () => { }, stop);
        _optimizer.PublishAverages();
        return isDone;
    }

    public void Dispose() => _optimizer.Dispose();

    private Tensor Loss(int worker)
    {
        using var scope = NewDisposeScope();
        var seed = SeedSequence.At(_options.Seed + 2, _optimizer.StepCount, worker);
        var scenes = new SceneGenerator(seed);
        var captions = new Captions(seed);
        var batch = Enumerable.Range(0, CaptionsPerWorker).Select(_ => captions.NextWithMentions(
            scenes.Next(MiniModel.SampleSize, MiniModel.SampleSize, TrainingPictures.ShareOfTwo(1), heldOut: false))).ToArray();
        var text = _model.Text.Encode(_model.Text.Tokenize([.. batch.Select(caption => caption.Text)]));
        return _reading.Loss(text.HiddenStates, batch).MoveToOuterDisposeScope();
    }
}
