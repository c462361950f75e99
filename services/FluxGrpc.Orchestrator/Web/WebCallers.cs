using FluxGrpc.Orchestrator.Access;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// Lets nobody without a key use what works for callers, before their bodies are read; the page itself is for everybody. The key goes
/// along with the calls that are made for the caller, and counts there.
/// </summary>
internal static class WebCallers
{
    private const string Authorization = "authorization";

    /// <summary>Identifies the caller of each request but those for the page's files.</summary>
    public static void Identify(WebApplication app, ApiKeys keys) => app.Use((context, next) =>
    {
        if (context.Request.Path.StartsWithSegments("/api") || context.Request.Path.StartsWithSegments("/v1"))
            context.Features.Set(keys.Identify(context.Request.Headers.Authorization));
        return next(context);
    });

    /// <summary>Options of a call that is made for a request: its key, and the end of it.</summary>
    public static CallOptions CallOptions(this HttpContext context)
    {
        var headers = new Metadata();
        if (context.Request.Headers.Authorization is [{ Length: > 0 } key] && context.Features.Get<Caller>()?.Key is not null)
            headers.Add(Authorization, key);
        return new CallOptions(headers, cancellationToken: context.RequestAborted);
    }
}
