using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FluxGrpc.Channels;

/// <summary>Opens gRPC channels that are fit for tensors.</summary>
public static partial class ServiceChannel
{
    /// <summary>
    /// Makes a channel without the 4 MiB message limit (T5's 512 tokens are just over it), over TCP or a Unix domain socket.
    /// Idle connections are probed, so that a host that vanished is noticed within half a minute; one that is back is noticed
    /// within two seconds.
    /// </summary>
    /// <param name="address">Where the service is.</param>
    /// <param name="security">Whom to trust and what to show.</param>
    /// <param name="logging">Where gRPC tells of the calls; nowhere by default.</param>
    /// <exception cref="ArgumentException">What to trust or show does not fit the address.</exception>
    /// <exception cref="InvalidDataException">A certificate or a key cannot be read.</exception>
    public static GrpcChannel Create(ServiceAddress address, ChannelSecurity? security = null, ILoggerFactory? logging = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        security ??= ChannelSecurity.Default;
        if (security.ProblemWith(address) is { } problem)
            throw new ArgumentException(problem, nameof(security));

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
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
        else if (address.ServerName is not null)
        {
            var endpoint = new DnsEndPoint(address.Endpoint!.IdnHost.Trim('[', ']'), address.Endpoint.Port);
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(endpoint, cancellation);
        }

        if (address.IsTls)
            UseCertificates(handler.SslOptions, security, logging);

        return GrpcChannel.ForAddress(UriOf(address), new GrpcChannelOptions
        {
            HttpHandler = security.ApiKey.Length > 0 ? new ApiKeyHandler(security.ApiKey, handler) : handler,
            DisposeHttpClient = true,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100),
            MaxReconnectBackoff = TimeSpan.FromSeconds(2),
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
            LoggerFactory = logging,
        });
    }

    /// <summary>Its host is the name that the certificate is checked for.</summary>
    private static Uri UriOf(ServiceAddress address) => (address.Endpoint, address.ServerName) switch
    {
        (null, _) => new Uri("http://localhost"),
        ({ } endpoint, null) => endpoint,
        ({ } endpoint, { } name) => new UriBuilder(endpoint) { Host = name }.Uri,
    };

    private static void UseCertificates(SslClientAuthenticationOptions tls, ChannelSecurity security, ILoggerFactory? logging)
    {
        if (security.CaFile.Length > 0)
            tls.CertificateChainPolicy = PemCertificates.TrustOnly(PemCertificates.ReadAuthorities(security.CaFile));
        if (security.Itself is { } itself)
        {
            tls.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null
                && shown.GetRawCertData().AsSpan().SequenceEqual(itself.Current.TargetCertificate.RawDataMemory.Span);
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => itself.Current.TargetCertificate;
        }
        else if (security.CertificateFile.Length > 0)
        {
            var logger = logging?.CreateLogger(typeof(ServiceChannel)) ?? NullLogger.Instance;
            var identity = PemCertificates.FollowIdentity(
                security.CertificateFile, security.KeyFile, problem => LogProblem(logger, problem), TimeProvider.System);
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => identity.Current.TargetCertificate;
        }
    }

    private static async ValueTask<Stream> ConnectAsync(EndPoint endpoint, CancellationToken cancellation)
    {
        var socket = endpoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}; the certificate stays as it was")]
    private static partial void LogProblem(ILogger logger, string problem);
}
