using FluxGrpc.Orchestrator.Admission;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Admission;

public sealed class ThroughputTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Throughput _throughput;

    public ThroughputTests() => _throughput = new Throughput(_time);

    [Fact]
    public void Before_any_work_it_is_unknown()
    {
        Work(seconds: 100, work: 0);

        Assert.Null(_throughput.PerSecond);
    }

    [Fact]
    public void A_steady_rate_is_measured_as_it_is()
    {
        for (var i = 0; i < 1000; i++)
            Work(seconds: 1, work: 50);

        Assert.Equal(50, _throughput.PerSecond!.Value, 0.5);
    }

    [Fact]
    public void Idle_time_does_not_count()
    {
        Work(seconds: 10, work: 500);
        var before = _throughput.PerSecond;
        _time.Advance(TimeSpan.FromHours(8));
        _throughput.Pass(busy: false);

        Assert.Equal(before, _throughput.PerSecond);
    }

    [Fact]
    public void A_change_shows_within_minutes()
    {
        for (var i = 0; i < 1000; i++)
            Work(seconds: 1, work: 50);
        for (var i = 0; i < 300; i++)
            Work(seconds: 1, work: 200);

        Assert.Equal(200, _throughput.PerSecond!.Value, 5.0);
    }

    private void Work(int seconds, long work)
    {
        _time.Advance(TimeSpan.FromSeconds(seconds));
        _throughput.Pass(busy: true);
        _throughput.Add(work);
    }
}
