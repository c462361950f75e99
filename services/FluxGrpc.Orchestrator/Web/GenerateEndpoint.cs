using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrchestratorClient = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// The orchestrator's own API for browsers: Generate with its request as JSON and its events as server-sent events, and GetModelInfo.
/// Pictures travel in the events, in base64, so that nothing has to be kept here for a later request.
/// </summary>
internal sealed class GenerateEndpoint(OrchestratorClient orchestrator)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/info", GetInfoAsync);
        routes.MapPost("/api/generate", GenerateAsync);
    }

    private async Task GetInfoAsync(HttpContext context)
    {
        var info = await orchestrator.GetModelInfoAsync(new(), context.CallOptions());
        context.Response.ContentType = WebJson.MediaType;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(ProtoJson.Serialize(info), context.RequestAborted);
    }

    /// <summary>A browser that leaves aborts the request, which cancels the call and with it the work.</summary>
    private async Task GenerateAsync(HttpContext context)
    {
        var request = await ProtoJson.ReadAsync<GenerateRequest>(context.Request);
        using var call = orchestrator.Generate(request, context.CallOptions());
        var events = new EventStream(context.Response);
        await foreach (var response in call.ResponseStream.ReadAllAsync(context.RequestAborted))
            await events.SendAsync(NameOf(response), ProtoJson.Serialize(response), context.RequestAborted);
    }

    /// <summary>The event's name in JSON: "step", "replicaChanged".</summary>
    private static string NameOf(GenerateResponse response) =>
        GenerateResponse.Descriptor.Oneofs[0].Accessor.GetCaseFieldDescriptor(response).JsonName;
}
