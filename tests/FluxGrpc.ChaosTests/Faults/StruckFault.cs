namespace FluxGrpc.ChaosTests.Faults;

/// <summary>A fault that happened.</summary>
/// <param name="Kind">What was done.</param>
/// <param name="Victim">The member it was done to: "denoiser-2".</param>
/// <param name="At">Time since the start of the run.</param>
internal sealed record StruckFault(FaultKind Kind, string Victim, TimeSpan At)
{
    /// <summary>When the victim served again.</summary>
    public TimeSpan RepairedAt { get; set; } = TimeSpan.MaxValue;
}
