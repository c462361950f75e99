using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Conditioning;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator;

/// <summary>Tells how busy the orchestrator and the services behind it are.</summary>
internal sealed class OrchestratorStatus(
    WorkQueue queue, GenerationRegistry registry, EmbeddingCache cache, TierStatus tier)
{
    /// <summary>Describes the moment.</summary>
    public async Task<GetStatusResponse> DescribeAsync(CancellationToken cancellation)
    {
        var (running, waiting, queuedWork) = queue.Load;
        return new GetStatusResponse
        {
            Generations = running + waiting,
            Waiting = waiting,
            QueuedWork = queuedWork,
            Detached = registry.WithoutCaller,
            PromptCache = cache.Status,
            Components = { await tier.DescribeAsync(cancellation) },
        };
    }
}
