using System.Text.Json;
using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Cli.Verification;

/// <summary>How the reference's image was made.</summary>
/// <param name="Grid">Its patch grid.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="IsShifted">True with the schedule of dev.</param>
internal sealed record TrajectorySettings(PatchGrid Grid, int Steps, ulong Seed, bool IsShifted)
{
    private const int MaxSteps = 10_000;

    /// <summary>Reads the settings in <c>configs.json</c>.</summary>
    /// <exception cref="InvalidDataException">They are incomplete or out of range.</exception>
    public static TrajectorySettings Read(JsonElement settings)
    {
        try
        {
            var steps = settings.GetProperty("num_steps").GetInt32();
            if (steps is < 1 or > MaxSteps)
                throw new InvalidDataException($"trajectory.num_steps in configs.json is {steps}; allowed: 1 to {MaxSteps}");
            return new TrajectorySettings(
                PatchGrid.OfPixels(settings.GetProperty("width").GetInt32(), settings.GetProperty("height").GetInt32()),
                steps, settings.GetProperty("seed").GetUInt64(), settings.GetProperty("shift").GetBoolean());
        }
        catch (Exception exception)
            when (exception is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"the trajectory's settings in configs.json cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>The orchestrator's timesteps for it.</summary>
    public float[] Timesteps() => IsShifted ? Schedule.Shifted(Steps, Grid.TokenCount) : Schedule.Even(Steps);
}
