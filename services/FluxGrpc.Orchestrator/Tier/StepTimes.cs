namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// Learns how long a piece of work may take before its replica counts as stalled: the configured time, and more where the latest
/// pieces were slow for their size.
/// </summary>
/// <param name="least">The configured time.</param>
internal sealed class StepTimes(TimeSpan least)
{
    private const int Remembered = 32;
    private const double Slack = 3;

    private readonly Lock _lock = new();
    private readonly double[] _secondsPerUnit = new double[Remembered];
    private int _count;

    /// <summary>Notes a piece that was done.</summary>
    /// <param name="units">Its size: tokens of a step, 1 for a call.</param>
    /// <param name="elapsed">Time it took.</param>
    public void Add(long units, TimeSpan elapsed)
    {
        lock (_lock)
            _secondsPerUnit[_count++ % Remembered] = elapsed.TotalSeconds / units;
    }

    /// <summary>Longest time that a piece of a size may take.</summary>
    public TimeSpan Limit(long units)
    {
        lock (_lock)
        {
            var slow = TimeSpan.FromSeconds(Slack * units * _secondsPerUnit.Max());
            return slow > least ? slow : least;
        }
    }
}
