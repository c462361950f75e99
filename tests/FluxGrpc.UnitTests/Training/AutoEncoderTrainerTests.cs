using FluxGrpc.LocalCluster;
using FluxGrpc.Testing;
using FluxGrpc.Training;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Training;

public sealed class AutoEncoderTrainerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Other latents would be strange to the transformer, and a worse decoder no use.</summary>
    [Fact]
    public void From_a_checkpoint_only_the_decoder_learns_and_pictures_stay_good()
    {
        const double Minutes = 0.05;
        using var scope = NewDisposeScope();
        var options = TrainingOptions.Open("cpu") with { WorkFolder = _folder.Path, WorkerCount = 1, Seed = 3 };
        var start = new StartCheckpoint(EmbeddedCheckpoint.Folder, options.Device);
        using var workers = new WorkerThreads(options.WorkerCount);
        using var trainer = new AutoEncoderTrainer(options, workers, start);
        var before = trainer.MeasureRoundTrip();

        Assert.True(trainer.Run(Minutes, new TrainingReport(_folder.Path, TextWriter.Null, isInteractive: false), CancellationToken.None));

        var (given, givenConfig) = start.LoadAutoEncoder();
        var (learned, config) = trainer.Finish();
        Assert.Equivalent(givenConfig, config, strict: true);
        foreach (var ((name, parameter), former) in learned.named_parameters().Zip(given.parameters()))
        {
            if (name.StartsWith("encoder.", StringComparison.Ordinal))
                Assert.True(AreEqual(parameter, former), name);
        }

        Assert.Contains(learned.named_parameters().Zip(given.parameters()), pair => !AreEqual(pair.First.parameter, pair.Second));
        Assert.InRange(trainer.MeasureRoundTrip(), before - 2, before + 10);
    }

    private static bool AreEqual(Tensor one, Tensor other) => one.bytes.SequenceEqual(other.to(one.dtype).bytes);
}
