namespace FluxGrpc.ChaosTests.Traffic;

/// <summary>Chooses the step timeout of a run by what the machine is able to: nothing but a fault may look like a stall.</summary>
internal static class StepTimeout
{
    /// <summary>A step of a busy tier waits for those of other images, on fewer denoisers than usual.</summary>
    private const double Slack = 10;

    private static readonly TimeSpan _least = TimeSpan.FromSeconds(4);

    /// <summary>A timeout that is far above the slowest step of an undisturbed run; whole seconds.</summary>
    public static TimeSpan For(params IReadOnlyList<Delivery> undisturbed)
    {
        var slowest = undisturbed.SelectMany(delivery => delivery.Steps).Max(step => step.Elapsed.ToTimeSpan());
        return TimeSpan.FromSeconds(Math.Ceiling(Math.Max(_least.TotalSeconds, Slack * slowest.TotalSeconds)));
    }
}
