using System.Text.RegularExpressions;
using FluxGrpc.Scenes;

namespace FluxGrpc.Training.Tokenizers;

/// <summary>The words of the captions and how often each comes.</summary>
internal static partial class CaptionWords
{
    private const int CaptionCount = 20_000;

    /// <summary>Counts words and punctuation marks in captions drawn by lot; every wording there is comes many times.</summary>
    public static IReadOnlyDictionary<string, int> Count()
    {
        var scenes = new SceneGenerator(seed: 0);
        var captions = new Captions(seed: 0);
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < CaptionCount; i++)
        {
            var caption = captions.Complete(scenes.Next(MiniModel.SampleSize, MiniModel.SampleSize, shareOfTwo: 0.5, heldOut: false));
            foreach (Match word in Word().Matches(caption))
                counts[word.Value] = counts.GetValueOrDefault(word.Value) + 1;
        }

        return counts;
    }

    [GeneratedRegex(@"[A-Za-z]+|[^A-Za-z\s]")]
    private static partial Regex Word();
}
