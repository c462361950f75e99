namespace FluxGrpc.ChaosTests.Tiers;

/// <summary>How a service is.</summary>
internal enum MemberState
{
    /// <summary>It serves.</summary>
    Up,

    /// <summary>It is there, but stands still, or cannot be reached.</summary>
    Silent,

    /// <summary>There is no process, or none that serves yet.</summary>
    Down,
}
