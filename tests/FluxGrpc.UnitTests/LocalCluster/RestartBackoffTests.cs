using FluxGrpc.LocalCluster.Processes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.LocalCluster;

public sealed class RestartBackoffTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void The_delay_doubles_up_to_its_bound_where_the_service_never_serves_for_long()
    {
        var backoff = new RestartBackoff(_time);

        var delays = Enumerable.Range(0, 8).Select(_ => DelayAfterServing(backoff, TimeSpan.FromSeconds(59)));

        Assert.Equal([0.5, 1, 2, 4, 8, 16, 30, 30], delays);
    }

    [Fact]
    public void A_service_that_served_for_a_minute_begins_anew()
    {
        var backoff = new RestartBackoff(_time);
        DelayAfterServing(backoff, TimeSpan.Zero);
        DelayAfterServing(backoff, TimeSpan.Zero);

        Assert.Equal(0.5, DelayAfterServing(backoff, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void Five_starts_in_a_row_may_fail()
    {
        var backoff = new RestartBackoff(_time);
        DelayAfterServing(backoff, TimeSpan.FromMinutes(1));

        Assert.Equal([1, 2, 4, 8], Enumerable.Range(0, 4).Select(_ => backoff.Ended()!.Value.TotalSeconds));
        Assert.Null(backoff.Ended());
    }

    [Fact]
    public void A_start_that_comes_off_forgives_those_that_failed()
    {
        var backoff = new RestartBackoff(_time);
        for (var round = 0; round < 3; round++)
        {
            for (var start = 1; start < RestartBackoff.MaxFailedStarts; start++)
                Assert.NotNull(backoff.Ended());
            DelayAfterServing(backoff, TimeSpan.Zero);
        }
    }

    private double DelayAfterServing(RestartBackoff backoff, TimeSpan served)
    {
        backoff.Served();
        _time.Advance(served);
        return backoff.Ended()!.Value.TotalSeconds;
    }
}
