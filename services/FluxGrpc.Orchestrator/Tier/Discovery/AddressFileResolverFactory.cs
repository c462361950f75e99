using Grpc.Net.Client.Balancer;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>Makes resolvers of <c>file:</c> targets.</summary>
internal sealed class AddressFileResolverFactory(bool overTls, TimeProvider time) : ResolverFactory
{
    /// <inheritdoc/>
    public override string Name => Uri.UriSchemeFile;

    /// <inheritdoc/>
    public override Resolver Create(ResolverOptions options) =>
        new AddressFileResolver(options.Address.LocalPath, overTls, time, options.LoggerFactory);
}
