using FluxGrpc.Scenes;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Trains the T5 encoder on <see cref="CaptionReading"/> alone, before the flow: captions cost next to nothing without pictures.
/// </summary>
internal sealed class ReadingTrainer : IDisposable
{
    private const int CaptionsPerWorker = 64;

    private static readonly Scalar _one = 1;

    private readonly TrainingOptions _options;
    private readonly FlowModel _model;
    private readonly CaptionReading _reading;
    private readonly T5Encoder? _former;
    private readonly Optimizer _optimizer;

    /// <param name="options">What the command was given.</param>
    /// <param name="model">Whose T5 encoder learns.</param>
    /// <param name="reading">The exercise.</param>
    /// <param name="former">An encoder to stay close to, because a transformer is used to it; null where there is none.</param>
    /// <param name="workers">Threads to compute with.</param>
    public ReadingTrainer(
        TrainingOptions options, FlowModel model, CaptionReading reading, T5Encoder? former, WorkerThreads workers)
    {
        (_options, _model, _reading, _former) = (options, model, reading, former);
        _optimizer = new Optimizer([.. model.LearnT5(), .. reading.Learn()], new OptimizerSettings
        {
            MuonRate = (rows, columns) => 0.01 * Math.Sqrt(Math.Max(1, rows / (double)columns)),
            MuonMomentum = 0.9,
            MuonType = options.ComputeType,
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
        var tokens = _model.Text.Tokenize([.. batch.Select(caption => caption.Text)]).T5;
        var hidden = _model.Text.T5.call(tokens);
        var loss = _reading.Loss(hidden, batch);
        return (_former is null ? loss : loss + Distance(hidden, tokens, _former)).MoveToOuterDisposeScope();
    }

    /// <summary>Mean squared distance to what a former encoder says, as a share of its own mean square.</summary>
    private static Tensor Distance(Tensor hidden, Tensor tokens, T5Encoder former)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var wanted = former.call(tokens).to(ScalarType.Float32);
        var weight = _one / wanted.square().mean();
        using var gradients = enable_grad();
        return ((hidden.to(ScalarType.Float32) - wanted).square().mean() * weight).MoveToOuterDisposeScope();
    }
}
