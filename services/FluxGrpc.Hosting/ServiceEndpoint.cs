using System.Net;
using FluxGrpc.Channels;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FluxGrpc.Hosting;

/// <summary>Has a server listen at a <see cref="ServiceAddress"/>.</summary>
public static class ServiceEndpoint
{
    /// <summary>Listens at an address; a host name other than localhost means every address of this machine.</summary>
    /// <param name="kestrel">The server.</param>
    /// <param name="address">Where.</param>
    /// <param name="use">What is spoken there.</param>
    public static void Listen(this KestrelServerOptions kestrel, ServiceAddress address, Action<ListenOptions> use)
    {
        if (address.SocketPath is { } path)
        {
            File.Delete(path); // Left over by a service that was killed; a live one would be shut out, so give each its own.
            kestrel.ListenUnixSocket(path, use);
        }
        else if (address.Endpoint!.Host == "localhost")
        {
            kestrel.Listen(IPAddress.Loopback, address.Endpoint.Port, use);
        }
        else if (IPAddress.TryParse(address.Endpoint.Host.Trim('[', ']'), out var ip))
        {
            kestrel.Listen(ip, address.Endpoint.Port, use);
        }
        else
        {
            kestrel.ListenAnyIP(address.Endpoint.Port, use);
        }
    }

    /// <summary>Where a started server really listens: with the port that was free, where it was asked for port 0.</summary>
    /// <param name="server">The server.</param>
    /// <param name="configured">What it was told.</param>
    public static string BoundAddress(IServer server, ServiceAddress configured) => configured.SocketPath is not null
        ? configured.ToString()
        : server.Features.Get<IServerAddressesFeature>()!.Addresses.First().TrimEnd('/');
}
