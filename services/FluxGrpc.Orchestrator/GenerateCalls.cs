using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator.Access;
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
    /// <param name="message">The order.</param>
    /// <param name="caller">Who gave it.</param>
    /// <param name="stream">Gets the events.</param>
    /// <inheritdoc cref="AttachedRuns.RunAsync" path="/exception"/>
    public async Task AnswerAsync(GenerateRequest message, Caller caller, CallerStream stream)
    {
        var arrived = time.GetTimestamp();
        using var inHand = _limit.Enter();
        message.Priority = caller.Grant(message.Priority);
        var generation = registry.Find(message, caller.Id);
        if (generation is null)
            generation = await StartAsync(message, caller, stream, arrived);
        else
            caller.Limits.Count();
        if (generation is not null)
            await FollowAsync(generation, stream);
    }

    /// <summary>Begins a detached generation, or carries an attached one out.</summary>
    /// <returns>The detached one; null where all is done.</returns>
    private async Task<DetachedGeneration?> StartAsync(GenerateRequest message, Caller caller, CallerStream stream, long arrived)
    {
        var place = caller.Limits.Enter();
        try
        {
            var facts = await tier.GetFactsAsync(stream.Options);
            var request = GenerationRequest.Parse(message, RequestLimits.Of(options, facts), facts);
            if (!request.Detached)
            {
                await attached.RunAsync(request, facts, caller, stream, arrived);
                return null;
            }

            var order = new DetachedOrder(message, caller.Id, place);
            place = null; // It goes on with the work.
            return detached.StartOrFind(order, request, facts, arrived);
        }
        finally
        {
            place?.Dispose();
        }
    }

    private async Task FollowAsync(DetachedGeneration generation, CallerStream stream)
    {
        using var attachment = generation.Attach();
        try
        {
            await foreach (var happened in generation.Log.ReadAsync(stream.Gone))
                await stream.SendAsync(happened);
        }
        catch (RpcException) when (!stream.Gone.IsCancellationRequested)
        {
            registry.Remove(generation); // It has been told: the same request may now be made anew.
            throw;
        }
    }
}
