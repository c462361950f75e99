using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Hosting;

/// <summary>Ends the streams of grpc.health.v1 Watch, which have no end of their own, so that a stop does not wait for them.</summary>
internal static class HealthWatches
{
    private static readonly PathString _watch = "/grpc.health.v1.Health/Watch";

    /// <summary>Cuts the watches off as soon as the service is told to stop; the watchers see a broken stream.</summary>
    public static void EndHealthWatchesAtStop(this WebApplication app) => app.Use(async (context, next) =>
    {
        await using var registration = context.Request.Path == _watch
            ? app.Lifetime.ApplicationStopping.Register(context.Abort)
            : default;
        await next(context);
    });
}
