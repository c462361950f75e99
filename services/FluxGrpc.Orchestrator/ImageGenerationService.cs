using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator;

/// <summary>Prompt in, pictures out: the edge towards the callers. Requests are named in the log, prompts never are.</summary>
internal sealed partial class ImageGenerationService(
    OrchestratorOptions options, ModelTier tier, TierHealth health, RequestLimit limit, WorkQueue queue, TimeProvider time,
    ILogger<ImageGenerationService> logger) : V1.ImageGenerationService.ImageGenerationServiceBase
{
    private static readonly TimeSpan _loadTimeout = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public override async Task Generate(
        GenerateRequest request, IServerStreamWriter<GenerateResponse> responseStream, ServerCallContext context)
    {
        var arrived = time.GetTimestamp();
        using var inHand = limit.Enter();
        var call = OnBehalfOf(context);
        var facts = await tier.GetFactsAsync(call);
        var valid = GenerationRequest.Parse(request, RequestLimits.Of(options, facts), facts);
        using var turn = queue.Enter(valid.Priority, valid.Work);

        LogBegin(logger, valid.Id, valid.Grid.Width, valid.Grid.Height, valid.Steps, valid.Count);
        try
        {
            await foreach (var response in new Generation(valid, facts, tier, turn, call, time).RunAsync(arrived))
                await responseStream.WriteAsync(response, call.CancellationToken);
            LogEnd(logger, valid.Id, time.GetElapsedTime(arrived).TotalSeconds);
        }
        catch (Exception exception)
        {
            LogFailure(logger, valid.Id, time.GetElapsedTime(arrived).TotalSeconds, Reason(exception, context));
            throw;
        }
    }

    /// <inheritdoc/>
    public override async Task<ImageGenerationServiceGetModelInfoResponse> GetModelInfo(
        ImageGenerationServiceGetModelInfoRequest request, ServerCallContext context)
    {
        var facts = await tier.GetFactsAsync(OnBehalfOf(context));
        var limits = RequestLimits.Of(options, facts);
        return new ImageGenerationServiceGetModelInfoResponse
        {
            ModelName = facts.ModelName,
            TextEncoder = facts.TextEncoder,
            Denoiser = facts.Denoiser,
            Vae = facts.Vae,
            Defaults = GenerationDefaults.Of(facts, limits).ToSettings(facts),
            Limits = limits.ToMessage(options),
        };
    }

    /// <inheritdoc/>
    public override async Task<GetStatusResponse> GetStatus(GetStatusRequest request, ServerCallContext context)
    {
        var response = new GetStatusResponse
        {
            Generations = queue.Running + queue.Waiting,
            Waiting = queue.Waiting,
            QueuedWork = queue.QueuedWork,
        };
        foreach (var component in health.Components)
        {
            var problem = component.Problem;
            var status = new ComponentStatus { Component = component.Name, Ready = problem is null, Problem = problem ?? "" };
            if (status.Ready && tier.Denoisers.FirstOrDefault(replica => replica.Component == component.Component) is { } denoiser)
                await AddLoadAsync(status, denoiser, context);
            response.Components.Add(status);
        }

        return response;
    }

    /// <summary>Asks a denoiser for its load; one that does not answer in time is not ready.</summary>
    private async Task AddLoadAsync(ComponentStatus status, DenoiserReplica denoiser, ServerCallContext context)
    {
        using var timeout = new CancellationTokenSource(_loadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, context.CancellationToken);
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
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
        {
            (status.Ready, status.Problem) = (false, $"no answer within {_loadTimeout.TotalSeconds} s");
        }
    }

    /// <summary>The caller's deadline, and the end of the caller's call however it comes, hold for every call made for it.</summary>
    private static CallOptions OnBehalfOf(ServerCallContext context) =>
        new(deadline: context.Deadline, cancellationToken: context.CancellationToken);

    private static string Reason(Exception exception, ServerCallContext context) => exception switch
    {
        _ when context.CancellationToken.IsCancellationRequested => "the caller cancelled, left or ran into its deadline",
        RpcException failure => $"{failure.StatusCode}, {failure.Status.Detail}",
        _ => exception.GetType().Name,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: {Width}×{Height}, {Steps} steps, {Count} images")]
    private static partial void LogBegin(ILogger logger, string requestId, int width, int height, int steps, int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: done after {Seconds:F2} s")]
    private static partial void LogEnd(ILogger logger, string requestId, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{RequestId}: ended after {Seconds:F2} s: {Reason}")]
    private static partial void LogFailure(ILogger logger, string requestId, double seconds, string reason);
}
