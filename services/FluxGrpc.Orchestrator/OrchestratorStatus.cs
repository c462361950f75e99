using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Conditioning;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>Tells how busy the orchestrator and the services behind it are.</summary>
internal sealed class OrchestratorStatus(
    WorkQueue queue, GenerationRegistry registry, EmbeddingCache cache, ModelTier tier, TierHealth health, TimeProvider time)
{
    private static readonly TimeSpan _loadTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Describes the moment.</summary>
    public async Task<GetStatusResponse> DescribeAsync(CancellationToken cancellation)
    {
        var (running, waiting, queuedWork) = queue.Load;
        var response = new GetStatusResponse
        {
            Generations = running + waiting,
            Waiting = waiting,
            QueuedWork = queuedWork,
            Detached = registry.WithoutCaller,
            PromptCache = cache.Status,
        };
        foreach (var component in health.Components)
        {
            var problem = component.Problem;
            var status = new ComponentStatus { Component = component.Name, Ready = problem is null, Problem = problem ?? "" };
            if (status.Ready && tier.Denoisers.FirstOrDefault(replica => replica.Component == component.Component) is { } denoiser)
                await AddLoadAsync(status, denoiser, cancellation);
            response.Components.Add(status);
        }

        return response;
    }

    /// <summary>Asks a denoiser for its load; one that does not answer in time is not ready.</summary>
    private async Task AddLoadAsync(ComponentStatus status, DenoiserReplica denoiser, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(_loadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            status.Load = await denoiser.Component.CallOnceAsync(
                async call => await denoiser.Client.GetLoadAsync(new GetLoadRequest(), call),
                new CallOptions(cancellationToken: either.Token));
        }
        catch (RpcException failure)
        {
            (status.Ready, status.Problem) = (false, failure.Status.Detail);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            (status.Ready, status.Problem) = (false, $"no answer within {_loadTimeout.TotalSeconds} s");
        }
    }
}
