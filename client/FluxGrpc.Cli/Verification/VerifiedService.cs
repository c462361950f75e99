using FluxGrpc.LocalCluster;
using Grpc.Net.Client;

namespace FluxGrpc.Cli.Verification;

/// <summary>A running service and a channel to it.</summary>
internal sealed class VerifiedService(EmbeddedService service, GrpcChannel channel) : IAsyncDisposable
{
    /// <summary>Speaks to the service.</summary>
    public GrpcChannel Channel { get; } = channel;

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await service.DisposeAsync();
    }
}
