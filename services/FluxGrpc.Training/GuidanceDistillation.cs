using FluxGrpc.Scenes;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Teaches the guidance input: with strength g the velocity becomes u + g·(c − u), where c and u are a frozen copy's velocities
/// with the caption and without (Meng et al. 2023). The text encoders stay as they are.
/// </summary>
internal sealed class GuidanceDistillation : IDisposable
{
    private const double WeakestGuidance = 1;
    private const double StrongestGuidance = 6;
    private const double TimeMean = 1.0;
    private const double TimeDeviation = 1.4;

    private readonly TrainingOptions _options;
    private readonly FlowModel _student;
    private readonly FlowModel _teacher;
    private readonly TrainingPictures _pictures;
    private readonly Optimizer _optimizer;

    /// <param name="options">What the command was given.</param>
    /// <param name="student">What learns; begins as <paramref name="teacher"/>.</param>
    /// <param name="teacher">The trained model, unchanged.</param>
    /// <param name="pictures">What is to be drawn.</param>
    /// <param name="workers">Threads to compute with.</param>
    public GuidanceDistillation(
        TrainingOptions options, FlowModel student, FlowModel teacher, TrainingPictures pictures, WorkerThreads workers)
    {
        (_options, _student, _teacher, _pictures) = (options, student, teacher, pictures);
        _optimizer = new Optimizer([.. student.LearnTransformer()], new OptimizerSettings
        {
            MuonRate = (rows, columns) => 0.005 * Math.Sqrt(Math.Max(1, rows / (double)columns)),
            MuonMomentum = 0.9,
            MuonType = options.ComputeType,
            AdamRate = 5e-4,
            AverageDecay = 0.998,
        }, workers);
    }

    /// <summary>Distils until the time is over, and puts the averaged weights into the student.</summary>
    /// <inheritdoc cref="FlowTrainer.Run"/>
    public bool Run(double minutes, TrainingReport report, Action<int> inspect, CancellationToken stop)
    {
        var phase = new TrainingPhase("guidance", minutes, _options, _optimizer, report);
        var schedule = new RateSchedule(ConstantShare: 0.4, Last: 0.03);
        var isDone = phase.Run(
            progress => _optimizer.Step(Loss, schedule.At(progress)),
            () => _optimizer.WithAverages(() => inspect(_optimizer.StepCount)),
            stop);
        _optimizer.PublishAverages();
        if (isDone)
            inspect(_optimizer.StepCount);
        return isDone;
    }

    public void Dispose() => _optimizer.Dispose();

    private Tensor Loss(int worker)
    {
        using var scope = NewDisposeScope();
        var seed = SeedSequence.At(_options.Seed + 1, _optimizer.StepCount, worker);
        var batch = _pictures.Draw(_optimizer.StepCount, worker, TrainingPictures.ShareOfTwo(1));
        using var generator = new Generator((ulong)(uint)seed, _options.Device);
        var (times, noise) = FlowNoise.Draw(batch.Latents, TimeMean, TimeDeviation, generator);
        using Scalar range = StrongestGuidance - WeakestGuidance, weakest = WeakestGuidance;
        var guidance = rand(times.shape, device: _options.Device, generator: generator) * range + weakest;
        var noisy = FlowNoise.Mix(batch.Latents, noise, times);
        var captions = new Captions(seed);
        var (text, target) = Guided(noisy, times, guidance, [.. batch.Scenes.Select(captions.Next)], batch.Positions);
        return (_student.Velocity(noisy, times, guidance, text, batch.Positions) - target).square().mean().MoveToOuterDisposeScope();
    }

    private ((Tensor, Tensor) Text, Tensor Velocity) Guided(
        Tensor noisy, Tensor times, Tensor guidance, string[] captions, Tensor positions)
    {
        using var noGradients = no_grad();
        var text = _teacher.Text.Encode(_teacher.Text.Tokenize(captions));
        var nothing = _teacher.Text.Encode(_teacher.Text.Tokenize([.. captions.Select(_ => "")]));
        var neutral = full_like(times, FlowTrainer.NeutralGuidance);
        var conditional = _teacher.Velocity(noisy, times, neutral, text, positions);
        var unconditional = _teacher.Velocity(noisy, times, neutral, nothing, positions);
        return (text, unconditional.lerp(conditional, guidance.view(-1, 1, 1)));
    }
}
