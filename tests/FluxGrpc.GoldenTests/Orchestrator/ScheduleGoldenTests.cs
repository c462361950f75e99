using System.Text.Json;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Testing;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Orchestrator;

/// <summary>sampling.json.</summary>
public sealed class ScheduleGoldenTests(ITestOutputHelper output)
{
    private const double Bound = 1.5e-7;

    public static TheoryData<int, int, bool> Cases()
    {
        var data = new TheoryData<int, int, bool>();
        foreach (var item in Schedules())
            data.Add(item.GetProperty("num_steps").GetInt32(), item.GetProperty("image_seq_len").GetInt32(), IsShifted(item));
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Timesteps_match_the_reference(int steps, int tokenCount, bool shifted)
    {
        var actual = shifted ? Schedule.Shifted(steps, tokenCount) : Schedule.Even(steps);
        Assert.InRange(DifferenceOf(actual, steps, tokenCount, shifted), 0, Bound);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_other_schedule_misses_the_bound(int steps, int tokenCount, bool shifted)
    {
        var wrong = shifted ? Schedule.Even(steps) : Schedule.Shifted(steps, tokenCount);
        Assert.True(DifferenceOf(wrong, steps, tokenCount, shifted) > 1e-2);
    }

    [Fact]
    public void Mu_matches_the_reference()
    {
        foreach (var item in Schedules().Where(IsShifted))
        {
            var actual = Schedule.Mu(item.GetProperty("image_seq_len").GetInt32());
            Assert.Equal(item.GetProperty("mu").GetDouble(), actual, 1e-12);
        }
    }

    private double DifferenceOf(float[] actual, int steps, int tokenCount, bool shifted)
    {
        var reference = Schedules().Single(item => item.GetProperty("num_steps").GetInt32() == steps
            && item.GetProperty("image_seq_len").GetInt32() == tokenCount && IsShifted(item) == shifted);
        float[] expected = [.. reference.GetProperty("timesteps").EnumerateArray().Select(timestep => timestep.GetSingle())];
        var difference = Difference.MaxAbs(actual, expected);
        output.WriteLine($"{steps} steps, {tokenCount} tokens: {difference:E1} (bound {Bound:E1})");
        return difference;
    }

    private static bool IsShifted(JsonElement item) => item.GetProperty("shift").GetBoolean();

    private static JsonElement[] Schedules()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(GoldenFolder.PathOf("sampling.json")));
        return [.. json.RootElement.GetProperty("get_schedule").Clone().EnumerateArray()];
    }
}
