using FluxGrpc.Channels;
using Grpc.Net.Client.Balancer;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>Makes the balancer of a <see cref="ReplicaDirectory"/>.</summary>
internal sealed class DirectoryBalancerFactory(
    string? tlsName, Action<IReadOnlyList<ServiceAddress>> found, Action<string> failed) : LoadBalancerFactory
{
    /// <summary>The policy's name.</summary>
    public const string Policy = "flux_directory";

    /// <inheritdoc/>
    public override string Name => Policy;

    /// <inheritdoc/>
    public override LoadBalancer Create(LoadBalancerOptions options) =>
        new DirectoryBalancer(options.Controller, tlsName, found, failed);
}
