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

    /// <summary>Takes the address out; one that DNS gave is plain http.</summary>
    public static ServiceAddress Unwrap(BalancerAddress address)
    {
        if (address.Attributes.TryGetValue(_key, out var wrapped))
            return wrapped;
        var host = address.EndPoint.Host;
        return ServiceAddress.Parse($"http://{(host.Contains(':') ? $"[{host}]" : host)}:{address.EndPoint.Port}");
    }
}
