using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// Answers failures as JSON (<see cref="WebError"/>): with their HTTP status, or as the last event where events have been sent already.
/// </summary>
internal sealed partial class WebErrors(RequestDelegate next, ILogger<WebErrors> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        WebError error;
        try
        {
            await next(context);
            if (context.Response.HasStarted || context.Response.StatusCode < StatusCodes.Status400BadRequest)
                return;
            error = WebError.OfStatus(context.Response.StatusCode, context.Request); // No route, or not with this method.
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            return; // Nobody is left to tell.
        }
        catch (RpcException failure)
        {
            error = WebError.Of(failure, context.GetEndpoint()?.Metadata.GetMetadata<FieldNames>());
        }
        catch (BadHttpRequestException failure)
        {
            error = WebError.Of(failure);
        }
        catch (Exception bug)
        {
            LogBug(logger, context.Request.Path, bug);
            error = WebError.OfStatus(StatusCodes.Status500InternalServerError, context.Request);
        }

        await WriteAsync(error, context);
    }

    private static Task WriteAsync(WebError error, HttpContext context)
    {
        if (context.Response.HasStarted)
            return new EventStream(context.Response).SendAsync(EventStream.ErrorEvent, error.ToJson(), context.RequestAborted);

        context.Response.StatusCode = error.Status;
        context.Response.ContentType = WebJson.MediaType;
        if (error.Status == StatusCodes.Status401Unauthorized)
            context.Response.Headers.WWWAuthenticate = "Bearer";
        if (error.RetryAfterSeconds is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return context.Response.Body.WriteAsync(error.ToJson(), context.RequestAborted).AsTask();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} failed")]
    private static partial void LogBug(ILogger logger, string path, Exception exception);
}
