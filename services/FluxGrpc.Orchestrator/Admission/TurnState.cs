namespace FluxGrpc.Orchestrator.Admission;

/// <summary>Where a request stands in the <see cref="WorkQueue"/>.</summary>
internal enum TurnState
{
    /// <summary>It waits for a place, for the first time or in the middle of its work.</summary>
    Waiting,

    /// <summary>It has a place.</summary>
    Running,

    /// <summary>It is done, refused or gone.</summary>
    Left,
}
