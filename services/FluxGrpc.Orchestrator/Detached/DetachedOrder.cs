using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>An order for a generation that does not need its caller.</summary>
/// <param name="Message">The request as it came.</param>
/// <param name="Owner">Who may find it again and cancel it: the id of a key, or empty.</param>
/// <param name="Place">Its place among the owner's, which is free when the work has ended.</param>
internal sealed record DetachedOrder(GenerateRequest Message, string Owner, IDisposable Place);
