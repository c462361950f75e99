using System.Collections;
using System.Globalization;

namespace FluxGrpc.Checkpoints;

/// <summary>Kinds of mistakes, each with its count and the first few names, as one line of text.</summary>
internal sealed class Mismatches : IEnumerable
{
    /// <summary>How many names of a kind are listed.</summary>
    public const int MaxListed = 10;

    private readonly List<string> _kinds = [];

    /// <summary>True where no mistake was added.</summary>
    public bool IsEmpty => _kinds.Count == 0;

    /// <summary>Adds a kind of mistake, if there are any.</summary>
    public void Add(string kind, IReadOnlyCollection<string> names)
    {
        if (names.Count == 0)
            return;
        var listed = string.Join(", ", names.Take(MaxListed));
        var rest = names.Count > MaxListed ? string.Create(CultureInfo.InvariantCulture, $", and {names.Count - MaxListed} more") : "";
        _kinds.Add(string.Create(CultureInfo.InvariantCulture, $"{names.Count} {kind}: {listed}{rest}"));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join("; ", _kinds);

    IEnumerator IEnumerable.GetEnumerator() => _kinds.GetEnumerator();
}
