namespace FluxGrpc.ChaosTests.Faults;

/// <summary>What is done to a denoiser.</summary>
internal enum FaultKind
{
    /// <summary>SIGKILL; started again at once.</summary>
    Kill,

    /// <summary>SIGSTOP for longer than the step timeout, then SIGCONT: it wakes up with sessions that live elsewhere by now.</summary>
    Freeze,

    /// <summary>SIGSTOP for less than the step timeout, then SIGCONT: nobody has to notice.</summary>
    Hiccup,

    /// <summary>SIGTERM: it drains and ends with exit code 0; started again.</summary>
    Drain,
}
