namespace FluxGrpc.Orchestrator.Detached;

/// <summary>The bounds of what is kept without a caller.</summary>
/// <param name="Count">Detached generations, going on or ended.</param>
/// <param name="Bytes">Bytes of their events.</param>
/// <param name="KeptFor">Time that one is kept after its end.</param>
internal sealed record DetachedLimits(int Count, long Bytes, TimeSpan KeptFor);
