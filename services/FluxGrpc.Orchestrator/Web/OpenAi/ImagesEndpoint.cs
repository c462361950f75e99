using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrchestratorClient = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>
/// POST /v1/images/generations, images of a prompt, and /v1/images/edits, images that also start from another one: all at once or as
/// events.
/// </summary>
/// <param name="orchestrator">Makes the images.</param>
/// <param name="maxBodyBytes">Largest body.</param>
/// <param name="time">Dates the answers.</param>
internal sealed class ImagesEndpoint(OrchestratorClient orchestrator, int maxBodyBytes, TimeProvider time)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/images/generations", GenerateAsync).WithMetadata(ImageOrder.Names);
        routes.MapPost("/v1/images/edits", EditAsync).WithMetadata(ImageOrder.Names);
    }

    private async Task GenerateAsync(HttpContext context) => await CarryOutAsync(
        ImageOrder.ReadGeneration(await RequestFields.ReadJsonAsync(context.Request)), "image_generation", context);

    private async Task EditAsync(HttpContext context)
    {
        var fields = await RequestFields.ReadFormAsync(context.Request, maxBodyBytes);
        await CarryOutAsync(await ImageOrder.ReadEditAsync(fields, context.RequestAborted), "image_edit", context);
    }

    /// <param name="order">What was asked for.</param>
    /// <param name="kind">What the events' names begin with.</param>
    /// <param name="context">Gets the answer.</param>
    private async Task CarryOutAsync(ImageOrder order, string kind, HttpContext context)
    {
        if (order.Model is { } model)
            await ModelsEndpoint.CheckAsync(orchestrator, model, context);

        using var call = orchestrator.Generate(order.Request, context.CallOptions());
        var events = call.ResponseStream.ReadAllAsync(context.RequestAborted);
        if (order.Stream)
            await StreamAsync(order, kind, events, context);
        else
            await AnswerAsync(events, context);
    }

    private async Task AnswerAsync(IAsyncEnumerable<GenerateResponse> events, HttpContext context)
    {
        var run = new ImageRun();
        List<GeneratedImage> images = [];
        await foreach (var response in events)
        {
            run.Follow(response);
            if (response.Image is { } image)
                images.Add(image);
        }

        context.Response.ContentType = WebJson.MediaType;
        images.Sort((one, other) => one.ImageIndex.CompareTo(other.ImageIndex));
        await context.Response.Body.WriteAsync(WebJson.Serialize(run.Answer(images, time.GetUtcNow())), context.RequestAborted);
    }

    private async Task StreamAsync(ImageOrder order, string kind, IAsyncEnumerable<GenerateResponse> events, HttpContext context)
    {
        var run = new ImageRun();
        var stream = new EventStream(context.Response);
        await foreach (var response in ImagesInTurn.Of(events))
        {
            run.Follow(response);
            var happened = response switch
            {
                { Image: { } image } => run.Completed(kind, image, time.GetUtcNow()),
                { Step: { } step } => run.Partial(kind, step, order.PartialSteps(step.Steps), time.GetUtcNow()),
                _ => null,
            };
            if (happened is not null)
                await stream.SendAsync(happened.Type, WebJson.Serialize(happened), context.RequestAborted);
        }
    }
}
