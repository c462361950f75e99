using FluxGrpc.Channels;
using Grpc.Net.Client.Balancer;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>Carries an address of ours, a Unix socket too, through a resolver's result, which knows hosts and ports only.</summary>
internal static class DirectoryAddress
{
    private const string Host = "replica";
    private const int Port = 1;

    private static readonly BalancerAttributesKey<ServiceAddress> _key = new("flux-address");

    /// <summary>Puts an address in.</summary>
    public static BalancerAddress Wrap(ServiceAddress address)
    {
        var wrapped = new BalancerAddress(Host, Port);
        wrapped.Attributes.Set(_key, address);
        return wrapped;
    }

    /// <summary>Takes the address out.</summary>
    /// <param name="address">The wrapped address, or one that DNS gave.</param>
    /// <param name="tlsName">Name in the certificates of those that DNS gave; null where they speak plain text.</param>
    public static ServiceAddress Unwrap(BalancerAddress address, string? tlsName)
    {
        if (address.Attributes.TryGetValue(_key, out var wrapped))
            return wrapped;
        var host = address.EndPoint.Host;
        var scheme = tlsName is null ? Uri.UriSchemeHttp : Uri.UriSchemeHttps;
        var found = ServiceAddress.Parse($"{scheme}://{(host.Contains(':') ? $"[{host}]" : host)}:{address.EndPoint.Port}");
        return found with { ServerName = tlsName };
    }
}
