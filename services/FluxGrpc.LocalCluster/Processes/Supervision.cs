namespace FluxGrpc.LocalCluster.Processes;

/// <summary>What the supervised services of a cluster have in common.</summary>
/// <param name="Log">Takes the services' lines and news of them; called by several threads.</param>
/// <param name="GaveUp">Called once for a service that will not be started again, with the reason.</param>
/// <param name="Time">The clock of the delays.</param>
internal sealed record Supervision(Action<string> Log, Action<string> GaveUp, TimeProvider Time);
