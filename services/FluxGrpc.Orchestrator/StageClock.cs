namespace FluxGrpc.Orchestrator;

/// <summary>Measures the time that a request spends in a stage: images that are in it side by side take their time together.</summary>
/// <param name="time">The clock.</param>
internal sealed class StageClock(TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _since;
    private TimeSpan _elapsed;
    private int _count;

    /// <summary>Images in the stage.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Time in which there was at least one.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            lock (_lock)
                return _count == 0 ? _elapsed : _elapsed + time.GetElapsedTime(_since);
        }
    }

    /// <summary>Runs an image's part of the stage.</summary>
    public async Task<T> MeasureAsync<T>(Func<Task<T>> run)
    {
        lock (_lock)
        {
            if (_count++ == 0)
                _since = time.GetTimestamp();
        }

        try
        {
            return await run();
        }
        finally
        {
            lock (_lock)
            {
                if (--_count == 0)
                    _elapsed += time.GetElapsedTime(_since);
            }
        }
    }
}
