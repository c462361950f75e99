using FluxGrpc.V1;

namespace FluxGrpc.Cli.Verification;

/// <summary>Compares one tokenizer's ids, lengths and cuts with the reference's, which must be equal.</summary>
/// <param name="name">The tokenizer.</param>
internal sealed class TokenComparison(string name)
{
    private const int ShownLetters = 40;

    private readonly List<string> _differingIds = [];
    private readonly List<string> _differingLengths = [];
    private int _prompts;
    private float _largestId;
    private float _largestLength;

    /// <summary>Adds a prompt.</summary>
    public void Add(TokenizedReference expected, IReadOnlyList<int> ids, TokenUsage usage)
    {
        _prompts++;
        if (!ids.SequenceEqual(expected.Ids))
        {
            _differingIds.Add(expected.Prompt);
            _largestId = ids.Count != expected.Ids.Count
                ? float.PositiveInfinity
                : Math.Max(_largestId, ids.Zip(expected.Ids).Max(pair => Math.Abs((float)pair.First - pair.Second)));
        }

        if (usage.TokenCount != expected.Length || usage.Truncated != expected.IsTruncated)
        {
            _differingLengths.Add(expected.Prompt);
            _largestLength = Math.Max(_largestLength, Math.Max(1, Math.Abs(usage.TokenCount - expected.Length)));
        }
    }

    /// <summary>Writes two lines: ids and lengths.</summary>
    public void WriteTo(VerificationReport report)
    {
        report.Write($"{name}.ids", _largestId, tolerance: 0, Remark(_differingIds));
        report.Write($"{name}.lengths", _largestLength, tolerance: 0, Remark(_differingLengths));
    }

    private string Remark(List<string> differing)
    {
        if (differing.Count == 0)
            return $"{_prompts} prompts";
        var first = differing[0].Length > ShownLetters ? differing[0][..ShownLetters] + "…" : differing[0];
        return $"{differing.Count} of {_prompts} prompts differ, the first is '{first}'";
    }
}
