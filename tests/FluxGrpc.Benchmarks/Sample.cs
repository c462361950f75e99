using System.Diagnostics;

namespace FluxGrpc.Benchmarks;

/// <summary>Seconds of one thing, over several rounds.</summary>
internal sealed class Sample(string name)
{
    private readonly List<double> _seconds = [];

    public string Name { get; } = name;

    public double Median => Sorted[_seconds.Count / 2];

    public double Least => Sorted[0];

    public double Most => Sorted[^1];

    /// <summary>The time that a share of the runs did not exceed.</summary>
    public double Quantile(double share) => Sorted[(int)Math.Ceiling(share * _seconds.Count) - 1];

    private List<double> Sorted => [.. _seconds.Order()];

    /// <summary>Times one run.</summary>
    public async Task TakeAsync(Func<Task> run)
    {
        var started = Stopwatch.GetTimestamp();
        await run();
        Add(Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Takes a time that something else measured.</summary>
    public void Add(TimeSpan time) => _seconds.Add(time.TotalSeconds);

    /// <summary>Median over the rounds of this sample's time divided by the other's in the same round.</summary>
    public double RatioTo(Sample other) =>
        _seconds.Zip(other._seconds, (mine, theirs) => mine / theirs).Order().ElementAt(_seconds.Count / 2);
}
