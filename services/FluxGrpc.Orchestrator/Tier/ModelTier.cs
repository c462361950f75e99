using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>The services behind the orchestrator: text encoders, denoisers and VAEs, one or more of each.</summary>
internal sealed class ModelTier : IAsyncDisposable
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _firstNewsTime = TimeSpan.FromSeconds(5);

    private readonly Patience _patience;
    private readonly TimeProvider _time;
    private ModelFacts? _facts;

    /// <summary>Connects to nothing before <see cref="StartAsync"/>.</summary>
    public ModelTier(OrchestratorOptions options, TimeProvider time, ILogger<ModelTier> logger)
    {
        _time = time;
        _patience = new Patience(TimeSpan.FromSeconds(options.TierWaitSeconds), time);
        TextEncoders = new ServiceTier(ServiceKind.TextEncoder, options.TextEncoder, options, time, logger);
        Denoisers = new ServiceTier(ServiceKind.Denoiser, options.Denoiser, options, time, logger);
        Vaes = new ServiceTier(ServiceKind.Vae, options.Vae, options, time, logger);
    }

    /// <summary>Prompts to conditioning.</summary>
    public ServiceTier TextEncoders { get; }

    /// <summary>Latents to velocity.</summary>
    public ServiceTier Denoisers { get; }

    /// <summary>Latents to pixels.</summary>
    public ServiceTier Vaes { get; }

    /// <summary>All kinds, in the order of a picture's way.</summary>
    public IReadOnlyList<ServiceTier> Services => [TextEncoders, Denoisers, Vaes];

    /// <summary>False until everything that is listed has told something.</summary>
    public bool HasReported => Services.All(service => service.Replicas.HasReported);

    /// <summary>Starts to look for replicas; returns when the first lists are there or cannot be had.</summary>
    /// <exception cref="OperationCanceledException">The tier was disposed.</exception>
    public Task StartAsync() => Task.WhenAll(Services.Select(service => service.StartAsync()));

    /// <summary>Completes at the next news of a replica.</summary>
    public Task WaitForNewsAsync(CancellationToken cancellation) =>
        Task.WhenAny(Services.Select(service => service.Replicas.Changed)).Unwrap().WaitAsync(cancellation);

    /// <summary>
    /// The models as the replicas told them when they last turned SERVING. A session still names the fingerprint that it was
    /// planned for, so that a model that changed since is noticed.
    /// </summary>
    /// <exception cref="RpcException">UNAVAILABLE: a kind has no serving replica. FAILED_PRECONDITION: the models do not fit.</exception>
    public ModelFacts CurrentFacts() => TryGetFacts() ?? throw RpcErrors.Unavailable("COMPONENT_MISSING", Missing(), _retryDelay);

    /// <summary>As <see cref="CurrentFacts"/>, after the first news of every replica that was just found.</summary>
    /// <inheritdoc cref="CurrentFacts" path="/exception"/>
    public async Task<ModelFacts> GetSettledFactsAsync(CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(_firstNewsTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            while (!HasReported && TryGetFacts() is null)
                await WaitForNewsAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        return CurrentFacts();
    }

    /// <summary>As <see cref="CurrentFacts"/>, but waits until there is a serving replica of each kind.</summary>
    /// <param name="options">The caller's deadline and cancellation.</param>
    /// <exception cref="RpcException">UNAVAILABLE: there was none in time. FAILED_PRECONDITION: the models do not fit.</exception>
    /// <exception cref="OperationCanceledException">The caller's token was cancelled.</exception>
    public async Task<ModelFacts> GetFactsAsync(CallOptions options)
    {
        var end = _patience.EndOf(options);
        while (true)
        {
            Task[] changes = [.. Services.Select(service => service.Replicas.Changed)];
            if (TryGetFacts() is { } facts)
                return facts;
            var left = end - _time.GetUtcNow();
            if (left <= TimeSpan.Zero)
                throw RpcErrors.Unavailable("COMPONENT_MISSING", $"{Missing()}; it did not come back in time", _retryDelay);
            try
            {
                await Task.WhenAny(changes).WaitAsync(
                    left < Patience.Longest ? left : Patience.Longest, _time, options.CancellationToken);
            }
            catch (TimeoutException)
            {
                // Looked at again.
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var service in Services)
            await service.DisposeAsync();
    }

    /// <summary>The kinds that have no serving replica, with the reasons.</summary>
    private string Missing() => string.Join("; ", Services.Where(service => service.Replicas.Model is null)
        .Select(service => $"{service.Kind.Name} is not there: {service.Replicas.Problems()}"));

    private ModelFacts? TryGetFacts()
    {
        if (TextEncoders.Replicas.Model?.Info is not TextEncoderServiceGetModelInfoResponse textEncoder
            || Denoisers.Replicas.Model?.Info is not DenoiserServiceGetModelInfoResponse denoiser
            || Vaes.Replicas.Model?.Info is not VaeServiceGetModelInfoResponse vae)
        {
            return null;
        }

        var known = Volatile.Read(ref _facts);
        if (known is not null && ReferenceEquals(known.TextEncoder, textEncoder)
            && ReferenceEquals(known.Denoiser, denoiser) && ReferenceEquals(known.Vae, vae))
        {
            return known;
        }

        var facts = ModelFacts.Of(textEncoder, denoiser, vae);
        Volatile.Write(ref _facts, facts);
        return facts;
    }
}
