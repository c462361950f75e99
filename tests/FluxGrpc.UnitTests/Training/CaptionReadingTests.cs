using FluxGrpc.Scenes;
using FluxGrpc.Testing;
using FluxGrpc.Training;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Tokenizers;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Training;

public sealed class CaptionReadingTests : IDisposable
{
    private const int CaptionsPerStep = 32;

    private readonly TemporaryFolder _folder = new();
    private readonly TrainingOptions _options = new()
    {
        Device = CPU,
        ComputeType = ScalarType.Float32,
        WorkerCount = 1,
    };

    public CaptionReadingTests()
    {
        var words = CaptionWords.Count();
        var t5 = Directory.CreateDirectory(_folder.PathOf("tokenizer_2")).FullName;
        SentencePieceVocabulary.Write(words, Path.Combine(t5, "spiece.model"));
        BytePairVocabulary.Write(words, Directory.CreateDirectory(_folder.PathOf("tokenizer")).FullName);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_token_belongs_to_the_word_it_is_a_part_of()
    {
        using var model = new FlowModel(_folder.Path, seed: 1, CPU, ScalarType.Float32);

        Assert.Equal([0, 1, 2, 2, 3, 4, 5, 6, 6], model.Text.WordsOfTokens("a red ring, a blue plus sign."));
    }

    /// <summary>Which color goes with which figure and side is in the order of the words alone: chance is 6.8 nats.</summary>
    [Fact]
    public void The_encoder_learns_which_words_belong_together()
    {
        using var model = new FlowModel(_folder.Path, seed: 1, CPU, ScalarType.Float32);
        using var reading = new CaptionReading(model, _options);
        using var workers = new WorkerThreads(1);
        using var optimizer = new Optimizer([.. model.LearnT5(), .. reading.Learn()], new OptimizerSettings
        {
            MuonRate = (rows, columns) => 0.01 * Math.Sqrt(Math.Max(1, rows / (double)columns)),
            MuonMomentum = 0.9,
            AdamRate = 1.5e-3,
            AverageDecay = 0.9,
            WarmUpSteps = 10,
        }, workers);
        var losses = new List<double>();
        for (var step = 0; step < 120; step++)
            losses.Add(optimizer.Step(_ => Loss(model, reading, seed: step), rateFactor: 1));

        Assert.True(losses.Take(5).Average() > 4, string.Join(", ", losses.Take(5)));
        Assert.True(losses.TakeLast(10).Average() < 1, string.Join(", ", losses.TakeLast(10)));
    }

    private static Tensor Loss(FlowModel model, CaptionReading reading, int seed)
    {
        using var scope = NewDisposeScope();
        var (scenes, wordings) = (new SceneGenerator(seed), new Captions(seed));
        var captions = Enumerable.Range(0, CaptionsPerStep)
            .Select(_ => wordings.NextWithMentions(scenes.Next(128, 128, shareOfTwo: 1, heldOut: false))).ToArray();
        var hidden = model.Text.T5.call(model.Text.Tokenize([.. captions.Select(caption => caption.Text)]).T5);
        return reading.Loss(hidden, captions).MoveToOuterDisposeScope();
    }
}
