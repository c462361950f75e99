namespace FluxGrpc.ChaosTests.Faults;

/// <summary>A fault that is planned.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Denoiser">Whom it is meant for, from 0; another one is struck where that one is down or has nothing to do.</param>
/// <param name="AfterSteps">Steps that the tier finishes between the fault before and this one.</param>
/// <param name="Outage">Time that a frozen process stands still.</param>
internal sealed record Fault(FaultKind Kind, int Denoiser, int AfterSteps, TimeSpan Outage);
