using System.Net;
using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Health.V1;

namespace FluxGrpc.Hosting;

/// <summary>
/// Asks the service that runs beside it, with the same options, whether it serves: the health command of a container, whose image
/// has no other program in it.
/// </summary>
internal static class HealthProbe
{
    /// <summary>What asks a program for this instead of serving.</summary>
    public const string Switch = "--health";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    /// <summary>Asks once.</summary>
    /// <param name="options">Those of the service.</param>
    /// <returns>What grpc.health.v1 says: SERVING, NOT_SERVING; or UNKNOWN where nobody answers.</returns>
    public static async Task<HealthCheckResponse.Types.ServingStatus> AskAsync(ServiceOptions options)
    {
        using var channel = options.HealthAddress.Length > 0
            ? ServiceChannel.Create(Reachable(ServiceAddress.Parse(options.HealthAddress)))
            : ServiceChannel.Create(Reachable(ServiceAddress.Parse(options.Address)), OwnCertificate(options));
        try
        {
            using var patience = new CancellationTokenSource(_patience);
            var reply = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: patience.Token);
            return reply.Status;
        }
        catch (RpcException)
        {
            return HealthCheckResponse.Types.ServingStatus.Unknown;
        }
    }

    /// <summary>Who has a service's certificate and key is the service.</summary>
    private static ChannelSecurity OwnCertificate(ServiceOptions options) => options.TlsKey.Length == 0
        ? ChannelSecurity.Default
        : new ChannelSecurity
        {
            Itself = PemCertificates.FollowIdentity(options.TlsCertificate, options.TlsKey, _ => { }, TimeProvider.System),
        };

    /// <summary>
    /// Where a service that listens at an address is found from its own machine (see <see cref="ServiceEndpoint"/>), by number: a
    /// container may know no names, not even localhost.
    /// </summary>
    private static ServiceAddress Reachable(ServiceAddress listening)
    {
        if (listening.Endpoint is not { } endpoint)
            return listening;
        var host = !IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out var ip) || ip.Equals(IPAddress.Any) ? "127.0.0.1"
            : ip.Equals(IPAddress.IPv6Any) ? "[::1]"
            : endpoint.Host;
        return ServiceAddress.Parse($"{endpoint.Scheme}://{host}:{endpoint.Port}");
    }
}
