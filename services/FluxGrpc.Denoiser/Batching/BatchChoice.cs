namespace FluxGrpc.Denoiser.Batching;

/// <summary>What a free device is to do.</summary>
/// <param name="Steps">Run these in one pass; none where there is nothing to run yet.</param>
/// <param name="WaitUntil">Choose again at this time, on the scheduler's clock, where a step waits for company.</param>
internal readonly record struct BatchChoice(IReadOnlyList<ScheduledStep> Steps, TimeSpan? WaitUntil)
{
    /// <summary>Nothing waits.</summary>
    public static BatchChoice Nothing { get; } = new([], null);
}
