using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Health.V1;

namespace FluxGrpc.LocalCluster;

/// <summary>Waits for a service by its health (grpc.health.v1).</summary>
internal static class HealthWatch
{
    /// <summary>Completes when the service says SERVING.</summary>
    /// <param name="address">Where the service already listens.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="security">Whom to trust there and what to show.</param>
    /// <exception cref="RpcException">The service went away.</exception>
    public static async Task WaitUntilServingAsync(
        string address, CancellationToken cancellation, ChannelSecurity? security = null)
    {
        using var channel = ServiceChannel.Create(ServiceAddress.Parse(address), security);
        using var call = new Health.HealthClient(channel).Watch(new HealthCheckRequest(), cancellationToken: cancellation);
        try
        {
            while (await call.ResponseStream.MoveNext(cancellation))
            {
                if (call.ResponseStream.Current.Status == HealthCheckResponse.Types.ServingStatus.Serving)
                    return;
            }
        }
        catch (RpcException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }

        throw new RpcException(new Status(StatusCode.Unavailable, $"The service at {address} ended its health stream"));
    }
}
