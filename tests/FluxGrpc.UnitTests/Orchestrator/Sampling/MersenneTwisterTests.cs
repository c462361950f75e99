using FluxGrpc.Orchestrator.Sampling;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Sampling;

public sealed class MersenneTwisterTests
{
    /// <summary>The 10000th number of the default seed, as the C++ standard demands it of mt19937.</summary>
    [Fact]
    public void The_ten_thousandth_number_is_the_standards()
    {
        var generator = new MersenneTwister(5489);
        for (var i = 1; i < 10_000; i++)
            generator.NextUInt32();

        Assert.Equal(4_123_659_995u, generator.NextUInt32());
    }

    [Fact]
    public void The_first_draw_is_the_high_word()
    {
        var words = new MersenneTwister(7);
        var expected = ((ulong)words.NextUInt32() << 32) | words.NextUInt32();

        Assert.Equal(expected, new MersenneTwister(7).NextUInt64());
    }
}
