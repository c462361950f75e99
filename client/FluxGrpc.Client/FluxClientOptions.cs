namespace FluxGrpc.Client;

/// <summary>What <see cref="FluxClient"/> needs to know where dependency injection makes it.</summary>
public sealed class FluxClientOptions
{
    /// <summary>
    /// The orchestrator: <c>http://host:port</c>, <c>https://host:port</c>, <c>host:port</c> or <c>unix:/path/of.sock</c>. By default
    /// where an orchestrator listens by default.
    /// </summary>
    public string Address { get; set; } = "http://127.0.0.1:5000";
}
