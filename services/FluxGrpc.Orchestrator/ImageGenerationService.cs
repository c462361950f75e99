using FluxGrpc.Orchestrator.Access;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace FluxGrpc.Orchestrator;

/// <summary>Prompt in, pictures out: the edge towards the callers.</summary>
internal sealed class ImageGenerationService(
    OrchestratorOptions options, ModelTier tier, GenerateCalls calls, GenerationRegistry registry, OrchestratorStatus status,
    TimeProvider time) : V1.ImageGenerationService.ImageGenerationServiceBase
{
    /// <inheritdoc/>
    public override Task Generate(
        GenerateRequest request, IServerStreamWriter<GenerateResponse> responseStream, ServerCallContext context) =>
        calls.AnswerAsync(request, CallerOf(context),
            new CallerStream(responseStream, context, TimeSpan.FromSeconds(options.StalledCallerSeconds), time));

    /// <inheritdoc/>
    public override Task<CancelGenerationResponse> CancelGeneration(CancelGenerationRequest request, ServerCallContext context)
    {
        if (request.RequestId.Length == 0)
            throw Violations.Of("request_id", "is empty; allowed: that of a generation in hand");
        if (!registry.Cancel(request.RequestId, CallerOf(context).Id))
            throw RpcErrors.NotFound("GENERATION_NOT_FOUND", "No generation in hand has that request_id");
        return Task.FromResult(new CancelGenerationResponse());
    }

    /// <inheritdoc/>
    public override async Task<ImageGenerationServiceGetModelInfoResponse> GetModelInfo(
        ImageGenerationServiceGetModelInfoRequest request, ServerCallContext context)
    {
        var facts = await tier.GetSettledFactsAsync(context.CancellationToken);
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
    public override Task<GetStatusResponse> GetStatus(GetStatusRequest request, ServerCallContext context) =>
        status.DescribeAsync(context.CancellationToken);

    private static Caller CallerOf(ServerCallContext context) => context.GetHttpContext().Features.GetRequiredFeature<Caller>();
}
