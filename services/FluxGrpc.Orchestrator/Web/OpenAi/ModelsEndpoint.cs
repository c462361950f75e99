using FluxGrpc.Tensors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrchestratorClient = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>GET /v1/models and /v1/models/{id}: the one model that is served.</summary>
internal sealed class ModelsEndpoint(OrchestratorClient orchestrator, TimeProvider time)
{
    private const string OwnedBy = "fluxgrpc";

    private readonly long _created = time.GetUtcNow().ToUnixTimeSeconds();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", ListAsync);
        routes.MapGet("/v1/models/{**id}", FindAsync); // Names of models may have slashes.
    }

    /// <summary>Checks that a model is the one that is served.</summary>
    /// <returns>Its name.</returns>
    /// <exception cref="Grpc.Core.RpcException">NOT_FOUND: it is another.</exception>
    public static async Task<string> CheckAsync(OrchestratorClient orchestrator, string wanted, HttpContext context)
    {
        var served = await NameAsync(orchestrator, context);
        return wanted == served
            ? served
            : throw RpcErrors.NotFound("MODEL_NOT_FOUND", $"The model '{wanted}' is not served here; allowed: '{served}'");
    }

    private async Task ListAsync(HttpContext context) => await WriteAsync(
        context, new ModelList("list", [Describe(await NameAsync(orchestrator, context))]));

    private async Task FindAsync(HttpContext context)
    {
        var wanted = (string)context.Request.RouteValues["id"]!;
        await WriteAsync(context, Describe(await CheckAsync(orchestrator, wanted, context)));
    }

    private static async Task<string> NameAsync(OrchestratorClient orchestrator, HttpContext context) =>
        (await orchestrator.GetModelInfoAsync(new(), context.CallOptions())).ModelName;

    private static async Task WriteAsync<T>(HttpContext context, T answer)
    {
        context.Response.ContentType = WebJson.MediaType;
        await context.Response.Body.WriteAsync(WebJson.Serialize(answer), context.RequestAborted);
    }

    private Model Describe(string name) => new(name, "model", _created, OwnedBy);

    private sealed record ModelList(string Object, IReadOnlyList<Model> Data);

    private sealed record Model(string Id, string Object, long Created, string OwnedBy);
}
