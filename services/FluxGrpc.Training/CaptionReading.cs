using FluxGrpc.Scenes;
using FluxGrpc.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// A reading exercise for the T5 encoder: from the hidden state at each word of an object's description, one linear layer has to
/// tell the object's color, figure, size and place. "Circle" says none of it by itself but the figure: the rest must be gathered
/// from the words around, which is what FLUX.1 expects of a T5 that has read much. The layer is not part of the checkpoint.
/// </summary>
/// <remarks>
/// Without it 37,000 steps of the flow alone drew both objects of a caption, but left it to chance which color and side goes with
/// which figure: noise and picture say too little about a word for the encoder to learn to read from.
/// </remarks>
internal sealed class CaptionReading : IDisposable
{
    private const long NotSaid = -100;
    private const int Thirds = 3;

    private static readonly int[] _classes =
        [Enum.GetValues<PaletteColor>().Length, Enum.GetValues<Figure>().Length, Enum.GetValues<ObjectSize>().Length, Thirds, Thirds];

    private static readonly Scalar _one = 1;

    private readonly TextEncoders _text;
    private readonly Device _device;
    private readonly Linear _layer;

    /// <param name="model">Whose T5 encoder learns to read.</param>
    /// <param name="options">Device, type and seed.</param>
    public CaptionReading(FlowModel model, TrainingOptions options)
    {
        (_text, _device) = (model.Text, options.Device);
        _layer = nn.Linear(MiniModel.TextWidth, _classes.Sum(), device: _device);
        using var generator = new Generator((ulong)(uint)options.Seed, _device);
        FlowInitialization.Apply(_layer, generator);
        _layer.to(options.ComputeType);
    }

    /// <summary>The layer's parameters as something to learn.</summary>
    public IEnumerable<LearnedParameter> Learn() =>
        _layer.named_parameters().Select(entry => new LearnedParameter($"reading.{entry.name}", entry.parameter, UpdateRule.Adam));

    /// <summary>Cross entropy in nats, summed over color, figure, size, column and row, each averaged over the words that say it.</summary>
    /// <param name="hiddenStates">Of the captions [B, L, C].</param>
    /// <param name="captions">The captions; null where the prompt was left empty.</param>
    /// <returns>Scalar, float32.</returns>
    public Tensor Loss(Tensor hiddenStates, IReadOnlyList<Caption?> captions)
    {
        using var scope = NewDisposeScope();
        var answers = Answers(captions).to(_device).unbind(-1);
        var sizes = Array.ConvertAll(_classes, count => (long)count);
        var guesses = _layer.call(hiddenStates).to(ScalarType.Float32).flatten(0, 1).split(sizes, dim: 1);
        var loss = zeros([], device: _device);
        for (var i = 0; i < _classes.Length; i++)
        {
            var sum = nn.functional.cross_entropy(guesses[i], answers[i], ignore_index: NotSaid, reduction: nn.Reduction.Sum);
            loss += sum / (answers[i] >= 0).sum().clamp(_one);
        }

        return loss.MoveToOuterDisposeScope();
    }

    public void Dispose() => _layer.Dispose();

    /// <summary>What is to be read off at each token [B * L, 5], int64.</summary>
    private Tensor Answers(IReadOnlyList<Caption?> captions)
    {
        var answers = new long[captions.Count * MiniModel.TextTokens, _classes.Length];
        for (var row = 0; row < answers.GetLength(0); row++)
        {
            for (var question = 0; question < _classes.Length; question++)
                answers[row, question] = NotSaid;
        }

        for (var i = 0; i < captions.Count; i++)
        {
            if (captions[i] is { } caption)
                Answer(caption, answers, i * MiniModel.TextTokens);
        }

        return tensor(answers);
    }

    private void Answer(Caption caption, long[,] answers, int firstRow)
    {
        var words = _text.WordsOfTokens(caption.Text);
        foreach (var (span, placed, place) in caption.Mentions)
        {
            for (var token = 0; token < words.Count; token++)
            {
                if (words[token] < span.Start.Value || words[token] >= span.End.Value)
                    continue;

                var row = firstRow + token;
                answers[row, 0] = (long)placed.Color;
                answers[row, 1] = (long)placed.Figure;
                answers[row, 2] = (long)placed.Size;
                answers[row, 3] = place?.Column + 1 ?? NotSaid;
                answers[row, 4] = place?.Row + 1 ?? NotSaid;
            }
        }
    }
}
