using FluxGrpc.Channels;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>The services behind the orchestrator: a text encoder, one or more denoisers, a VAE.</summary>
internal sealed class ModelTier : IDisposable
{
    private uint _images;

    /// <summary>Connects lazily: the services need not be there yet.</summary>
    public ModelTier(OrchestratorOptions options, TimeProvider time, ILogger<ModelTier> logger)
    {
        TextEncoder = new Component(Component.TextEncoderName, ServiceAddress.Parse(options.TextEncoder), time, logger);
        Denoisers = [.. options.DenoiserAddresses().Select(address => new DenoiserReplica(address, time, logger))];
        Vae = new Component(Component.VaeName, ServiceAddress.Parse(options.Vae), time, logger);
        TextEncoderClient = new TextEncoderService.TextEncoderServiceClient(TextEncoder.Channel);
        VaeClient = new VaeService.VaeServiceClient(Vae.Channel);
    }

    public Component TextEncoder { get; }

    /// <summary>All denoisers, one or more.</summary>
    public IReadOnlyList<DenoiserReplica> Denoisers { get; }

    public Component Vae { get; }

    public TextEncoderService.TextEncoderServiceClient TextEncoderClient { get; }

    public VaeService.VaeServiceClient VaeClient { get; }

    /// <summary>All services.</summary>
    public IEnumerable<Component> Components => [TextEncoder, .. Denoisers.Select(denoiser => denoiser.Component), Vae];

    /// <summary>The denoiser for the next image: each in its turn.</summary>
    public DenoiserReplica NextDenoiser() => Denoisers[(int)((Interlocked.Increment(ref _images) - 1) % (uint)Denoisers.Count)];

    /// <summary>
    /// Asks the services for their models. Not cached: the small calls run side by side, and so a service that came back
    /// with another model is noticed by the next request.
    /// </summary>
    /// <exception cref="RpcException">A service is not ready, or FAILED_PRECONDITION: the models do not fit one another.</exception>
    public async Task<ModelFacts> GetFactsAsync(CallOptions options)
    {
        var textEncoder = TextEncoder.CallAsync(async call => await TextEncoderClient.GetModelInfoAsync(new(), call), options);
        var denoisers = Denoisers.Select(denoiser =>
            denoiser.Component.CallAsync(async call => await denoiser.Client.GetModelInfoAsync(new(), call), options)).ToList();
        var vae = Vae.CallAsync(async call => await VaeClient.GetModelInfoAsync(new(), call), options);
        await Task.WhenAll([textEncoder, vae, .. denoisers]);
        return ModelFacts.Of(await textEncoder, await Task.WhenAll(denoisers), await vae);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        TextEncoder.Dispose();
        Vae.Dispose();
        foreach (var denoiser in Denoisers)
            denoiser.Dispose();
    }
}
