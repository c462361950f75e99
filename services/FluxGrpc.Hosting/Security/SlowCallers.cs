using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.Hosting.Security;

/// <summary>
/// Callers who hold a call open by sending it drop by drop (slow loris). Kestrel cuts off who sends a request at less than 240 bytes a
/// second, after 5 s of grace; streams of messages are quiet for good reasons and are left out here, each with a bound of its own.
/// </summary>
internal static class SlowCallers
{
    private static readonly PathString _reflection = "/grpc.reflection.v1alpha.ServerReflection";

    /// <summary>Time for all questions of a call of reflection, which waits for the caller's next one.</summary>
    private static readonly TimeSpan _reflectionTime = TimeSpan.FromSeconds(60);

    /// <summary>Sets the bounds of each call.</summary>
    public static void CutOff(WebApplication app)
    {
        var time = app.Services.GetRequiredService<TimeProvider>();
        app.Use(async (context, next) =>
        {
            var method = context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method;
            if (method?.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming
                && context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            {
                rate.MinDataRate = null;
            }

            await using var end = context.Request.Path.StartsWithSegments(_reflection, StringComparison.Ordinal)
                ? time.CreateTimer(_ => context.Abort(), null, _reflectionTime, Timeout.InfiniteTimeSpan)
                : null;
            await next(context);
        });
    }
}
