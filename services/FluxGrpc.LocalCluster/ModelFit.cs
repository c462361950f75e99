using FluxGrpc.Channels;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.LocalCluster;

/// <summary>Whether the models behind an orchestrator fit one another: if not it waits for better ones, for ever.</summary>
internal static class ModelFit
{
    /// <summary>Asks an orchestrator whose services are ready.</summary>
    /// <exception cref="InvalidDataException">The models do not fit; the message says why.</exception>
    public static async Task CheckAsync(string orchestrator, CancellationToken cancellation)
    {
        using var channel = ServiceChannel.Create(ServiceAddress.Parse(orchestrator));
        var client = new ImageGenerationService.ImageGenerationServiceClient(channel);
        try
        {
            await client.GetModelInfoAsync(new(), cancellationToken: cancellation);
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.FailedPrecondition)
        {
            throw new InvalidDataException(exception.Status.Detail, exception);
        }
        catch (RpcException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
    }
}
