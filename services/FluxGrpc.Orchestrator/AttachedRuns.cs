using FluxGrpc.Orchestrator.Access;
using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>Runs generations that end with their call.</summary>
internal sealed class AttachedRuns(GenerationRegistry registry, WorkQueue queue, GenerationRunner runner)
{
    /// <summary>Runs a generation; a caller who does not take its events holds it up.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="facts">The models, as the request was checked against.</param>
    /// <param name="caller">Whose generation it is.</param>
    /// <param name="stream">Gets the events.</param>
    /// <param name="arrived">Timestamp of the call's arrival.</param>
    /// <exception cref="RpcException">A service failed; ALREADY_EXISTS; RESOURCE_EXHAUSTED; CANCELLED by another call.</exception>
    /// <exception cref="InvalidDataException">A service answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">The caller is gone.</exception>
    public async Task RunAsync(GenerationRequest request, ModelFacts facts, Caller caller, CallerStream stream, long arrived)
    {
        var generation = registry.Add(request.Id, caller.Id);
        try
        {
            using var turn = queue.Enter(request.Priority, request.Work);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stream.Gone, generation.Stopping);
            var options = stream.Options.WithCancellationToken(either.Token);
            await runner.RunAsync(new GenerationJob(request, facts, turn, options, arrived), stream.SendAsync);
        }
        catch (OperationCanceledException) when (generation.StopReason is { } reason && !stream.Gone.IsCancellationRequested)
        {
            throw reason;
        }
        finally
        {
            registry.Remove(generation);
        }
    }
}
