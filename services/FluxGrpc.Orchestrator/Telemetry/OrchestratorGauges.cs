using System.Diagnostics.Metrics;
using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Conditioning;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Telemetry;

/// <summary>Shows, whenever somebody looks, what the orchestrator has in hand and what it has counted.</summary>
internal sealed class OrchestratorGauges
{
    private static readonly ReplicaChangeReason[] _reasons =
        [ReplicaChangeReason.Lost, ReplicaChangeReason.Drained, ReplicaChangeReason.Rebalanced];

    private readonly Meter _meter;

    /// <param name="meters">Makes the meter.</param>
    /// <param name="queue">Requests that run and wait.</param>
    /// <param name="registry">Detached requests.</param>
    /// <param name="cache">Encoded prompts.</param>
    /// <param name="tier">The services behind.</param>
    public OrchestratorGauges(
        IMeterFactory meters, WorkQueue queue, GenerationRegistry registry, EmbeddingCache cache, ModelTier tier)
    {
        _meter = meters.Create(OrchestratorActivity.Name);
        ShowRequests(queue, registry);
        ShowCache(cache);
        ShowTier(tier);
    }

    private void ShowRequests(WorkQueue queue, GenerationRegistry registry)
    {
        _meter.CreateObservableUpDownCounter("flux.queue.running", () => queue.Load.Running, "{request}", "Requests that run.");
        _meter.CreateObservableUpDownCounter("flux.queue.waiting", () => queue.Load.Waiting, "{request}", "Requests that wait.");
        _meter.CreateObservableUpDownCounter("flux.queue.work", () => queue.Load.QueuedWork, "{token}",
            "Steps times tokens that the waiting requests have to do.");
        _meter.CreateObservableUpDownCounter("flux.generations.detached", () => registry.WithoutCaller, "{request}",
            "Detached requests, going on or kept, that no caller reads.");
    }

    private void ShowCache(EmbeddingCache cache)
    {
        _meter.CreateObservableCounter("flux.prompt_cache.lookups", () => Lookups(cache.Status), "{lookup}",
            "Prompts that were asked for, by whether the text encoder was spared a call.");
        _meter.CreateObservableUpDownCounter("flux.prompt_cache.usage", () => cache.Status.Bytes, "By", "Bytes of encoded prompts.");
        _meter.CreateObservableUpDownCounter("flux.prompt_cache.limit", () => cache.Status.MaxBytes, "By", "Bytes that they may take.");
    }

    private void ShowTier(ModelTier tier)
    {
        _meter.CreateObservableUpDownCounter("flux.tier.replicas", () => tier.Services.SelectMany(Replicas), "{replica}",
            "Listed replicas of each service, by whether they can be given work.");
        _meter.CreateObservableCounter("flux.session.moves",
            () => _reasons.Select(reason => Measure(tier.Denoisers.Moves(reason), "flux.reason", reason)), "{move}",
            "Times that an image went on at another denoiser.");
        _meter.CreateObservableCounter("flux.steps.repeated", () => tier.Denoisers.RepeatedSteps, "{step}",
            "Steps that were sent again because their denoiser was lost.");
    }

    private static IEnumerable<Measurement<long>> Lookups(PromptCacheStatus status) =>
        [Measure(status.Hits, "flux.cache.result", "hit"), Measure(status.Misses, "flux.cache.result", "miss")];

    private static IEnumerable<Measurement<int>> Replicas(ServiceTier service)
    {
        var replicas = service.Replicas.Replicas;
        var ready = replicas.Count(replica => service.Replicas.ProblemOf(replica) is null);
        var kind = new KeyValuePair<string, object?>("flux.service", service.Kind.Name);
        return
        [
            new(ready, kind, new("flux.replica.state", "ready")),
            new(replicas.Count - ready, kind, new("flux.replica.state", "unusable")),
        ];
    }

    private static Measurement<long> Measure<T>(long value, string attribute, T attributeValue) =>
        new(value, new KeyValuePair<string, object?>(attribute, $"{attributeValue}".ToLowerInvariant()));
}
