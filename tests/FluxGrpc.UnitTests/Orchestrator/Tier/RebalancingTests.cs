using CsCheck;
using FluxGrpc.Orchestrator.Tier;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class RebalancingTests
{
    private const long Step = 100;

    [Theory]
    [InlineData(20, 0, 10, true)] // Two images here, none there.
    [InlineData(10, 0, 10, false)] // The only one: as far away there as here.
    [InlineData(30, 20, 10, false)] // Three and two stay three and two.
    [InlineData(40, 20, 10, true)]
    [InlineData(20, 9, 10, false)] // Less than two steps' gain.
    [InlineData(20, 8, 10, true)]
    [InlineData(200, 175, 10, false)] // Less than a tenth.
    [InlineData(200, 170, 10, true)]
    public void A_move_must_gain_clearly(long here, long there, long session, bool expected) =>
        Assert.Equal(expected, Rebalancing.IsWorthwhile(here * Step, there * Step, session * Step, Step));

    /// <summary>Whatever the load, moving what is worth moving comes to an end, and leaves it more even.</summary>
    [Fact]
    public void Moves_come_to_an_end() => Gen.Int[1, 40].Array[1, 60].Select(Gen.Int[2, 9]).Sample((steps, replicas) =>
    {
        var loads = Enumerable.Range(0, replicas).Select(_ => new List<long>()).ToArray();
        loads[0].AddRange(steps.Select(left => left * Step)); // All at one; the others have just joined.

        var moves = 0;
        while (FindMove(loads) is { } move)
        {
            loads[move.From].Remove(move.Session);
            loads[move.To].Add(move.Session);
            Assert.True(++moves <= 4 * steps.Length, $"{moves} moves of {steps.Length} sessions");
        }

        var (most, least) = (loads.Max(load => load.Sum()), loads.Min(load => load.Sum()));
        var smallest = loads.First(load => load.Sum() == most).Min();
        Assert.True(most - least < smallest + Math.Max(2 * Step, most / 10) + 1);
    });

    private static (int From, int To, long Session)? FindMove(List<long>[] loads)
    {
        var to = Enumerable.Range(0, loads.Length).MinBy(replica => loads[replica].Sum());
        var there = loads[to].Sum();
        return (from replica in Enumerable.Range(0, loads.Length)
                where replica != to
                from session in loads[replica]
                where Rebalancing.IsWorthwhile(loads[replica].Sum(), there, session, Step)
                select ((int, int, long)?)(replica, to, session)).FirstOrDefault();
    }
}
