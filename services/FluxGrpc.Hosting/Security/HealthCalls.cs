using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FluxGrpc.Hosting.Security;

/// <summary>
/// Calls of grpc.health.v1: whoever reaches the service may make them. A second address can serve them alone, without TLS, for probes
/// that have no certificate, as those of Kubernetes.
/// </summary>
public static class HealthCalls
{
    private static readonly PathString _service = "/grpc.health.v1.Health";

    /// <summary>True for such a call.</summary>
    public static bool IsOne(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Request.Path.StartsWithSegments(_service, StringComparison.Ordinal);
    }

    /// <summary>Marks an endpoint's connections as good for nothing else.</summary>
    internal static void Only(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => connection =>
        {
            connection.Features.Set(Mark.Instance);
            return next(connection);
        });
    }

    /// <summary>Refuses all other calls on connections that are marked.</summary>
    internal static void Separate(WebApplication app) => app.Use((context, next) =>
        context.Features.Get<Mark>() is null || IsOne(context)
            ? next(context)
            : Refusal.WriteAsync(context, new RpcException(new Status(
                StatusCode.Unimplemented, "This address answers grpc.health.v1 alone"))));

    private sealed class Mark
    {
        public static Mark Instance { get; } = new();
    }
}
