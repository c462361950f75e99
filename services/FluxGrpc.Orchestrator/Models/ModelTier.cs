using FluxGrpc.Channels;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Models;

/// <summary>The three services behind the orchestrator.</summary>
internal sealed class ModelTier : IDisposable
{
    /// <summary>Connects lazily: the services need not be there yet.</summary>
    public ModelTier(OrchestratorOptions options, TimeProvider time, ILogger<ModelTier> logger)
    {
        TextEncoder = new Component(Component.TextEncoderName, ServiceAddress.Parse(options.TextEncoder), time, logger);
        Denoiser = new Component(Component.DenoiserName, ServiceAddress.Parse(options.Denoiser), time, logger);
        Vae = new Component(Component.VaeName, ServiceAddress.Parse(options.Vae), time, logger);
        TextEncoderClient = new TextEncoderService.TextEncoderServiceClient(TextEncoder.Channel);
        DenoiserClient = new DenoiserService.DenoiserServiceClient(Denoiser.Channel);
        VaeClient = new VaeService.VaeServiceClient(Vae.Channel);
    }

    public Component TextEncoder { get; }

    public Component Denoiser { get; }

    public Component Vae { get; }

    public TextEncoderService.TextEncoderServiceClient TextEncoderClient { get; }

    public DenoiserService.DenoiserServiceClient DenoiserClient { get; }

    public VaeService.VaeServiceClient VaeClient { get; }

    /// <summary>All three.</summary>
    public IEnumerable<Component> Components => [TextEncoder, Denoiser, Vae];

    /// <summary>
    /// Asks the services for their models. Not cached: the three small calls run side by side, and so a service that came back
    /// with another model is noticed by the next request.
    /// </summary>
    /// <exception cref="RpcException">A service is not ready, or FAILED_PRECONDITION: the models do not fit one another.</exception>
    public async Task<ModelFacts> GetFactsAsync(CallOptions options)
    {
        var textEncoder = TextEncoder.CallAsync(
            async call => await TextEncoderClient.GetModelInfoAsync(new TextEncoderServiceGetModelInfoRequest(), call), options);
        var denoiser = Denoiser.CallAsync(
            async call => await DenoiserClient.GetModelInfoAsync(new DenoiserServiceGetModelInfoRequest(), call), options);
        var vae = Vae.CallAsync(
            async call => await VaeClient.GetModelInfoAsync(new VaeServiceGetModelInfoRequest(), call), options);
        await Task.WhenAll(textEncoder, denoiser, vae);
        return ModelFacts.Of(await textEncoder, await denoiser, await vae);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var component in Components)
            component.Dispose();
    }
}
