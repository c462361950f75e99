using System.Diagnostics;

namespace FluxGrpc.Orchestrator;

/// <summary>Where the orchestrator's spans come from.</summary>
internal static class OrchestratorActivity
{
    /// <summary>The source's name, for those who listen.</summary>
    public const string Name = "FluxGrpc.Orchestrator";

    /// <summary>The source.</summary>
    public static ActivitySource Source { get; } = new(Name);
}
