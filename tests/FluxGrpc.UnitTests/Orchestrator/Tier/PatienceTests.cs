using FluxGrpc.Orchestrator.Tier;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class PatienceTests
{
    private readonly FakeTimeProvider _time = new();

    private Patience Minute => new(TimeSpan.FromMinutes(1), _time);

    [Fact]
    public void Without_a_deadline_the_configured_time_holds()
    {
        Assert.Equal(60, SecondsLeft(default));
        Assert.Equal(60, SecondsLeft(new CallOptions(deadline: DateTime.MaxValue)));
    }

    [Theory]
    [InlineData(5, 4.5)]
    [InlineData(600, 599)]
    [InlineData(-1, -0.9)]
    public void A_deadline_ends_it_a_little_early_so_that_the_caller_is_told(double deadline, double expected) =>
        Assert.Equal(expected, SecondsLeft(new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(deadline))), 3);

    private double SecondsLeft(CallOptions options) => (Minute.EndOf(options) - _time.GetUtcNow()).TotalSeconds;
}
