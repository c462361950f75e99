using FluxGrpc.Scenes;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Trains transformer and text encoders together on rectified flow: x at t is (1 − t)·picture + t·noise, and the velocity to
/// predict is noise − picture (Liu et al. 2022, Esser et al. 2024).
/// </summary>
internal sealed class FlowTrainer : IDisposable
{
    /// <summary>The guidance input before <see cref="GuidanceDistillation"/> gives it a meaning.</summary>
    public const float NeutralGuidance = 1;

    private const double EmptyCaptionShare = 0.1;

    // A flat colour is repeated over hundreds of latents, so that noise averages out: all but the last bits of noise leave
    // nothing to ask the caption for, and times near 1 must be drawn often.
    private const double TimeMean = 1.4;
    private const double TimeDeviation = 1.4;

    private const double FinetuningRate = 0.5;

    // What the encoder has learnt to read must not be lost again; the flow's own loss is about 0.2.
    private static readonly Scalar _readingWeight = 0.1;

    private readonly TrainingOptions _options;
    private readonly FlowModel _model;
    private readonly CaptionReading _reading;
    private readonly TrainingPictures _pictures;
    private readonly Optimizer _optimizer;

    /// <param name="options">What the command was given.</param>
    /// <param name="model">What learns.</param>
    /// <param name="reading">Keeps the T5 encoder in exercise.</param>
    /// <param name="pictures">What is to be drawn.</param>
    /// <param name="workers">Threads to compute with.</param>
    public FlowTrainer(
        TrainingOptions options, FlowModel model, CaptionReading reading, TrainingPictures pictures, WorkerThreads workers)
    {
        (_options, _model, _reading, _pictures) = (options, model, reading, pictures);
        _optimizer = new Optimizer([.. model.LearnTransformer(), .. model.LearnText(), .. reading.Learn()], new OptimizerSettings
        {
            MuonRate = (rows, columns) => 0.015 * Math.Sqrt(Math.Max(1, rows / (double)columns)),
            MuonMomentum = 0.9,
            MuonType = options.ComputeType,
            AdamRate = 1.5e-3,
            AverageDecay = 0.998,
        }, workers);
    }

    /// <summary>Trains until the time is over, and puts the averaged weights into the model.</summary>
    /// <param name="minutes">Time for it.</param>
    /// <param name="report">Where the loss goes.</param>
    /// <param name="inspect">Called now and then and at the end, with averaged weights in the model; gets the steps made.</param>
    /// <param name="stop">Ends it early.</param>
    /// <returns>False where it was stopped before.</returns>
    public bool Run(double minutes, TrainingReport report, Action<int> inspect, CancellationToken stop)
    {
        var phase = new TrainingPhase("flow", minutes, _options, _optimizer, report);
        var schedule = new RateSchedule(ConstantShare: 0.6, Last: 0.03);
        var knowsFigures = _options.StartFolder is not null;
        var isDone = phase.Run(
            progress => _optimizer.Step(
                worker => Loss(worker, TrainingPictures.ShareOfTwo(knowsFigures ? 1 : progress)),
                schedule.At(progress) * (knowsFigures ? FinetuningRate : 1)),
            () => _optimizer.WithAverages(() => inspect(_optimizer.StepCount)),
            stop);
        _optimizer.PublishAverages();
        if (isDone)
            inspect(_optimizer.StepCount);
        return isDone;
    }

    public void Dispose() => _optimizer.Dispose();

    private Tensor Loss(int worker, double shareOfTwo)
    {
        using var scope = NewDisposeScope();
        var seed = SeedSequence.At(_options.Seed, _optimizer.StepCount, worker);
        var batch = _pictures.Draw(_optimizer.StepCount, worker, shareOfTwo);
        using var generator = new Generator((ulong)(uint)seed, _options.Device);
        var (times, noise) = FlowNoise.Draw(batch.Latents, TimeMean, TimeDeviation, generator);
        var random = new Random(seed);
        var wordings = new Captions(seed);
        var captions = batch.Scenes
            .Select(scene => random.NextDouble() < EmptyCaptionShare ? null : wordings.NextWithMentions(scene)).ToArray();
        var text = _model.Text.Encode(_model.Text.Tokenize([.. captions.Select(caption => caption?.Text ?? "")]));
        var velocity = _model.Velocity(
            FlowNoise.Mix(batch.Latents, noise, times), times, full_like(times, NeutralGuidance), text, batch.Positions);
        var loss = (velocity - (noise - batch.Latents)).square().mean();
        return (loss + _reading.Loss(text.HiddenStates, captions) * _readingWeight).MoveToOuterDisposeScope();
    }
}
