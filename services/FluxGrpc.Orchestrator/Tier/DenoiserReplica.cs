using FluxGrpc.Channels;
using FluxGrpc.V1;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>One of the denoisers, which all have the same model.</summary>
internal sealed class DenoiserReplica : IDisposable
{
    /// <summary>Connects lazily.</summary>
    public DenoiserReplica(ServiceAddress address, TimeProvider time, ILogger logger)
    {
        Component = new Component(Component.DenoiserName, address, time, logger);
        Client = new DenoiserService.DenoiserServiceClient(Component.Channel);
    }

    /// <summary>How its calls are retried and fail.</summary>
    public Component Component { get; }

    /// <summary>Speaks to it.</summary>
    public DenoiserService.DenoiserServiceClient Client { get; }

    /// <inheritdoc/>
    public void Dispose() => Component.Dispose();
}
