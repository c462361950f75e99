using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>Receives picture orders: finds a detached generation again, or checks the order and has it carried out.</summary>
internal sealed class GenerateCalls(
    OrchestratorOptions options, ModelTier tier, GenerationRegistry registry, AttachedRuns attached, DetachedRuns detached,
    TimeProvider time)
{
    private readonly RequestLimit _limit = new(options.MaxRequests);

    /// <summary>Answers a call to its end.</summary>
    /// <inheritdoc cref="AttachedRuns.RunAsync" path="/exception"/>
    public async Task AnswerAsync(GenerateRequest message, CallerStream caller)
    {
        var arrived = time.GetTimestamp();
        using var inHand = _limit.Enter();
        if (registry.Find(message) is { } known)
        {
            await FollowAsync(known, caller);
            return;
        }

        var facts = await tier.GetFactsAsync(caller.Options);
        var request = GenerationRequest.Parse(message, RequestLimits.Of(options, facts), facts);
        if (request.Detached)
            await FollowAsync(detached.StartOrFind(message, request, facts, arrived), caller);
        else
            await attached.RunAsync(request, facts, caller, arrived);
    }

    private async Task FollowAsync(DetachedGeneration generation, CallerStream caller)
    {
        using var attachment = generation.Attach();
        try
        {
            await foreach (var happened in generation.Log.ReadAsync(caller.Gone))
                await caller.SendAsync(happened);
        }
        catch (RpcException) when (!caller.Gone.IsCancellationRequested)
        {
            registry.Remove(generation); // It has been told: the same request may now be made anew.
            throw;
        }
    }
}
