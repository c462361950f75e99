using System.Globalization;

namespace FluxGrpc.ChaosTests.History;

/// <summary>
/// What happened in a run, line by line, with the seconds since its start. Written to its file at once, so that it tells the story
/// of a run that was killed, too. For people; several threads may write.
/// </summary>
internal sealed class Timeline : IDisposable
{
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly Lock _lock = new();
    private readonly StreamWriter _file;

    /// <param name="path">The file, which is made.</param>
    /// <param name="time">The clock.</param>
    public Timeline(string path, TimeProvider time)
    {
        _time = time;
        _started = time.GetTimestamp();
        _file = new StreamWriter(path) { AutoFlush = true };
    }

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_started);

    /// <summary>Adds a line.</summary>
    public void Add(string what)
    {
        lock (_lock)
            _file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds,9:F3}  {what}"));
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
