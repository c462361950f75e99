using FluxGrpc.Channels;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.LocalCluster;

/// <summary>Whether the models behind an orchestrator fit one another: if not it waits for better ones, for ever.</summary>
internal static class ModelFit
{
    /// <summary>Asks an orchestrator whose services are ready.</summary>
    /// <param name="orchestrator">Its address.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="security">Whom to trust there and what to show.</param>
    /// <exception cref="InvalidDataException">The models do not fit, or the key does not; the message says why.</exception>
    public static async Task CheckAsync(
        string orchestrator, CancellationToken cancellation, ChannelSecurity? security = null)
    {
        using var channel = ServiceChannel.Create(ServiceAddress.Parse(orchestrator), security);
        var client = new ImageGenerationService.ImageGenerationServiceClient(channel);
        try
        {
            await client.GetModelInfoAsync(new(), cancellationToken: cancellation);
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.FailedPrecondition or StatusCode.Unauthenticated)
        {
            throw new InvalidDataException(exception.Status.Detail, exception);
        }
        catch (RpcException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
    }
}
