using FluxGrpc.Scenes;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using FluxGrpc.Vae.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Trains the autoencoder: absolute and squared error of the pixels, and a weak pull of the latents to a normal distribution.
/// From a checkpoint only the decoder learns on: other latents would be strange to the transformer.
/// </summary>
internal sealed class AutoEncoderTrainer : IDisposable
{
    // Float32: rounding to bfloat16 would cost more of the picture than the whole network does.
    private const ScalarType ComputeType = ScalarType.Float32;
    private const double FinetuningRate = 0.5;
    private const int CropSize = 64;
    private const int CropsPerStep = 8;
    private const int FullPicturesPerStep = 2;
    private const int StepsPerFullPicture = 6;
    private const int ValidationPictures = 32;

    private static readonly Scalar _divergenceWeight = 1e-3;
    private static readonly Scalar _half = 0.5;
    private static readonly Scalar _one = 1;
    private static readonly Scalar _lowest = -1;
    private static readonly Scalar _lowestLogVariance = -30;
    private static readonly Scalar _highestLogVariance = 20;

    private readonly TrainingOptions _options;
    private readonly WorkerThreads _workers;
    private readonly AutoEncoder _model;
    private readonly AutoEncoderConfig? _givenConfig;
    private readonly Optimizer _optimizer;

    /// <param name="options">What the command was given.</param>
    /// <param name="workers">Threads to compute with.</param>
    /// <param name="start">Whose decoder learns on; null to begin with random weights.</param>
    public AutoEncoderTrainer(TrainingOptions options, WorkerThreads workers, StartCheckpoint? start = null)
    {
        (_options, _workers) = (options, workers);
        _model = new AutoEncoder(MiniModel.AutoEncoder, options.Device);
        AutoEncoderInitialization.Apply(_model, options.Seed);
        _givenConfig = start?.LoadInto(_model);
        _model.to(ComputeType);
        var learned = _model.named_parameters()
            .Where(entry => start is null || entry.name.StartsWith("decoder.", StringComparison.Ordinal))
            .Select(entry => new LearnedParameter(
                entry.name, entry.parameter, entry.parameter.dim() > 1 ? UpdateRule.Muon : UpdateRule.Adam))
            .ToList();
        _optimizer = new Optimizer(learned, new OptimizerSettings
        {
            MuonRate = (rows, columns) => 6e-4 * Math.Sqrt(Math.Max(rows, columns)),
            MuonMomentum = 0.95,
            MuonType = options.ComputeType,
            AdamRate = 2e-3,
            AverageDecay = 0.99,
        }, workers);
    }

    /// <summary>Trains until the time is over, and puts the averaged weights into the model.</summary>
    /// <returns>False where it was stopped before.</returns>
    public bool Run(double minutes, TrainingReport report, CancellationToken stop)
    {
        var phase = new TrainingPhase("autoencoder", minutes, _options, _optimizer, report);
        var schedule = new RateSchedule(ConstantShare: 0.5, Last: 0.02);
        var rate = _givenConfig is null ? 1 : FinetuningRate;
        var isDone = phase.Run(progress => _optimizer.Step(Loss, schedule.At(progress) * rate), () => { }, stop);
        _optimizer.PublishAverages();
        return isDone;
    }

    /// <summary>The trained model with the scale and shift of its latents.</summary>
    public (AutoEncoder Model, AutoEncoderConfig Config) Finish()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var pictures = ValidationBatch(heldOut: false);
        var latents = _model.Encode(pictures);
        var config = _givenConfig ?? MiniModel.AutoEncoder with
        {
            ShiftFactor = Math.Round(latents.mean().item<float>(), 5),
            ScalingFactor = Math.Round(1 / latents.std().item<float>(), 5),
        };
        var finished = new AutoEncoder(config, _options.Device);
        finished.to(ComputeType);
        finished.load_state_dict(_model.state_dict());
        return (finished, _givenConfig ?? config with { LatentColors = LatentColorsFit.Of(finished, pictures) });
    }

    /// <summary>Peak signal-to-noise ratio in dB of pictures of held-out scenes after encoding and decoding.</summary>
    public double MeasureRoundTrip()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var pictures = ValidationBatch(heldOut: true);
        var error = (_model.call(pictures).to(ScalarType.Float32).clamp(_lowest, _one) - pictures).square().mean([1, 2, 3]);
        return error.data<float>().Select(square => 10 * Math.Log10(4 / square)).Average();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _model.Dispose();
    }

    private Tensor Loss(int worker)
    {
        var seed = SeedSequence.At(_options.Seed, _optimizer.StepCount, worker);
        return Loss(PictureTensor.FromPictures(Batch(seed), _options.Device), seed);
    }

    private RgbImage[] Batch(int seed)
    {
        var scenes = new SceneGenerator(seed, MiniModel.Figures);
        var isFull = _optimizer.StepCount % StepsPerFullPicture == 0;
        var count = Math.Max(1, (isFull ? FullPicturesPerStep : CropsPerStep) / _workers.Count);
        return [.. Enumerable.Range(0, count).Select(_ => ShapeRenderer.Render(isFull
            ? scenes.Next(MiniModel.SampleSize, MiniModel.SampleSize, shareOfTwo: 0.5, heldOut: false)
            : scenes.Patchwork(CropSize, CropSize)))];
    }

    private Tensor Loss(Tensor pictures, int seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)(uint)seed, _options.Device);
        var moments = _model.EncodeMoments(pictures).to(ScalarType.Float32).chunk(2, dim: 1);
        var (mean, logVariance) = (moments[0], moments[1].clamp(_lowestLogVariance, _highestLogVariance));
        var noise = randn(mean.shape, device: _options.Device, generator: generator);
        var decoded = _model.Decode(mean + (logVariance * _half).exp() * noise).to(ScalarType.Float32);
        var difference = decoded - pictures;
        var divergence = (mean.square() + logVariance.exp() - _one - logVariance).mean() * _half;
        return (difference.abs().mean() + difference.square().mean() + divergence * _divergenceWeight).MoveToOuterDisposeScope();
    }

    private Tensor ValidationBatch(bool heldOut)
    {
        var scenes = new SceneGenerator(_options.Seed + 1);
        return PictureTensor.FromPictures([.. Enumerable.Range(0, ValidationPictures).Select(_ =>
            ShapeRenderer.Render(scenes.Next(MiniModel.SampleSize, MiniModel.SampleSize, shareOfTwo: 0.5, heldOut)))], _options.Device);
    }
}
