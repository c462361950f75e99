using FluxGrpc.Denoiser.Model;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>
/// Puts the conditionings of a batch together and keeps them for the next pass of the same sessions. A session is part of one
/// batch at most, so that what is kept is never more than what the open sessions hold themselves.
/// </summary>
internal sealed class BatchConditionings : IDisposable
{
    private readonly Lock _lock = new(); // Passes run on the compute thread, sessions end on any.
    private readonly List<Entry> _entries = [];

    /// <summary>
    /// The conditionings of several sessions with equal keys as one of B samples; that of a session alone is its own.
    /// </summary>
    /// <param name="members">In the order of the samples. None is forgotten before the pass is over.</param>
    /// <returns>Not the caller's to dispose.</returns>
    public Conditioning Join(IReadOnlyList<Conditioning> members)
    {
        if (members.Count == 1)
            return members[0];

        lock (_lock)
        {
            if (_entries.Find(entry => entry.Members.SequenceEqual(members)) is { } known)
                return known.Joined;
            foreach (var member in members)
                Drop(member);
            var joined = Conditioning.Join(members);
            _entries.Add(new Entry([.. members], joined));
            return joined;
        }
    }

    /// <summary>Lets go of what a session that ends is part of.</summary>
    public void Forget(Conditioning member)
    {
        lock (_lock)
            Drop(member);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var entry in _entries)
                entry.Joined.Dispose();
            _entries.Clear();
        }
    }

    private void Drop(Conditioning member)
    {
        var index = _entries.FindIndex(entry => entry.Members.Contains(member));
        if (index < 0)
            return;
        _entries[index].Joined.Dispose();
        _entries.RemoveAt(index);
    }

    private sealed record Entry(Conditioning[] Members, Conditioning Joined);
}
