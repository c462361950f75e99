using System.Net.Sockets;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Channels;

/// <summary>Opens gRPC channels that are fit for tensors.</summary>
public static class ServiceChannel
{
    /// <summary>
    /// Makes a channel without the 4 MiB message limit (T5's 512 tokens are just over it), over TCP or a Unix domain socket.
    /// Idle connections are probed, so that a host that vanished is noticed within half a minute; one that is back is noticed
    /// within two seconds.
    /// </summary>
    /// <param name="address">Where the service is.</param>
    /// <param name="logging">Where gRPC tells of the calls; nowhere by default.</param>
    public static GrpcChannel Create(ServiceAddress address, ILoggerFactory? logging = null)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            KeepAlivePingDelay = TimeSpan.FromSeconds(15),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        if (address.SocketPath is { } path)
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(path, cancellation);

        return GrpcChannel.ForAddress(address.Endpoint ?? new Uri("http://localhost"), new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100),
            MaxReconnectBackoff = TimeSpan.FromSeconds(2),
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
            LoggerFactory = logging,
        });
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
