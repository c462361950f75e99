namespace FluxGrpc.LocalCluster.Processes;

/// <summary>
/// How long to wait before a service that ended by itself is started again: twice as long each time, until it has served for a
/// while; and when to give up: when it ended several times in a row before it served.
/// </summary>
internal sealed class RestartBackoff(TimeProvider time)
{
    /// <summary>Starts in a row that may fail.</summary>
    internal const int MaxFailedStarts = 5;

    private static readonly TimeSpan _firstDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _longEnough = TimeSpan.FromMinutes(1);

    private TimeSpan _delay = _firstDelay;
    private int _failedStarts;
    private long? _servingSince;

    /// <summary>The service serves.</summary>
    public void Served()
    {
        _failedStarts = 0;
        _servingSince = time.GetTimestamp();
    }

    /// <summary>The service has ended.</summary>
    /// <returns>Time to wait before the next start, or null where there should be none.</returns>
    public TimeSpan? Ended()
    {
        if (_servingSince is not { } since)
            _failedStarts++;
        else if (time.GetElapsedTime(since) >= _longEnough)
            _delay = _firstDelay;
        _servingSince = null;
        if (_failedStarts == MaxFailedStarts)
            return null;

        var delay = _delay;
        _delay = TimeSpan.FromTicks(Math.Min(2 * delay.Ticks, _longestDelay.Ticks));
        return delay;
    }
}
