using FluxGrpc.Orchestrator.Tier;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class StepTimesTests
{
    private static readonly TimeSpan _least = TimeSpan.FromSeconds(10);
    private readonly StepTimes _times = new(_least);

    [Fact]
    public void The_configured_time_holds_before_the_first_and_while_all_are_fast()
    {
        Assert.Equal(_least, _times.Limit(1000));

        _times.Add(1000, TimeSpan.FromSeconds(1));

        Assert.Equal(_least, _times.Limit(1000));
    }

    [Fact]
    public void Slow_ones_stretch_it_by_their_size()
    {
        _times.Add(1000, TimeSpan.FromSeconds(20));
        _times.Add(1000, TimeSpan.FromSeconds(2));

        Assert.Equal(60, _times.Limit(1000).TotalSeconds, 3);
        Assert.Equal(240, _times.Limit(4000).TotalSeconds, 3);
        Assert.Equal(_least, _times.Limit(100));
    }

    [Fact]
    public void Old_ones_are_forgotten()
    {
        _times.Add(1, TimeSpan.FromHours(1));
        for (var i = 0; i < 32; i++)
            _times.Add(1, TimeSpan.FromSeconds(1));

        Assert.Equal(_least, _times.Limit(1));
    }
}
