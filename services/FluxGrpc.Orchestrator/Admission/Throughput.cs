namespace FluxGrpc.Orchestrator.Admission;

/// <summary>
/// How much work gets done in a second while there is some: a mean over the last minutes, in which what is older counts for less
/// and idle time for nothing. Not safe for use by several threads at once.
/// </summary>
internal sealed class Throughput(TimeProvider time)
{
    /// <summary>After this time a measurement counts 1/e of what it did.</summary>
    private static readonly TimeSpan _memory = TimeSpan.FromMinutes(1);

    private long _measured = time.GetTimestamp();
    private double _work;
    private double _busySeconds;

    /// <summary>Work a second; null before any was done.</summary>
    public double? PerSecond => _work > 0 && _busySeconds > 0 ? _work / _busySeconds : null;

    /// <summary>Takes note of the time that has passed.</summary>
    /// <param name="busy">There was work to do in it.</param>
    public void Pass(bool busy)
    {
        var now = time.GetTimestamp();
        var kept = Math.Exp(-(time.GetElapsedTime(_measured, now) / _memory));
        _measured = now;
        if (!busy)
            return; // A quiet night says nothing about the next morning.
        _work *= kept;
        _busySeconds = _busySeconds * kept + _memory.TotalSeconds * (1 - kept);
    }

    /// <summary>Takes note of work that was done.</summary>
    public void Add(long work) => _work += work;
}
