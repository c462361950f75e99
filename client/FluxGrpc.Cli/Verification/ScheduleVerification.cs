using System.Globalization;
using System.Text.Json;
using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Cli.Verification;

/// <summary>The orchestrator's timesteps.</summary>
internal sealed class ScheduleVerification(ReferenceFolder folder, Tolerances tolerances) : IVerification
{
    private const string File = "sampling.json";
    private const int MaxSteps = 100_000;

    public string Name => "sampling";

    public string? Obstacle => folder.FirstMissing(File) is null ? null : $"{File} is not there";

    public Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        using var json = folder.ReadJson(File);
        try
        {
            foreach (var schedule in json.RootElement.GetProperty("get_schedule").EnumerateArray())
                Compare(report, schedule);
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{File} is not a list of schedules: {exception.Message}", exception);
        }

        return Task.CompletedTask;
    }

    private void Compare(VerificationReport report, JsonElement schedule)
    {
        var steps = schedule.GetProperty("num_steps").GetInt32();
        var tokens = schedule.GetProperty("image_seq_len").GetInt32();
        var isShifted = schedule.GetProperty("shift").GetBoolean();
        if (steps is < 1 or > MaxSteps)
            throw new InvalidDataException($"{File} has num_steps {steps}; allowed: 1 to {MaxSteps}");

        float[] expected = [.. schedule.GetProperty("timesteps").EnumerateArray().Select(t => t.GetSingle())];
        var actual = isShifted ? Schedule.Shifted(steps, tokens) : Schedule.Even(steps);
        var kind = isShifted ? "shifted" : "even";
        var name = string.Create(CultureInfo.InvariantCulture, $"sampling.{steps}_steps.{tokens}_tokens.{kind}");
        report.Compare(name, new FloatArray([actual.Length], actual), new FloatArray([expected.Length], expected), tolerances.Timesteps);
    }
}
