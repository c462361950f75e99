using FluxGrpc.Hosting.Security;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>Lets nobody in who has no key, but to ask for the service's health, before anything of a call is read.</summary>
internal static class CallerIdentification
{
    /// <summary>Identifies the caller of each call: a <see cref="Caller"/> among its features.</summary>
    public static WebApplication IdentifyCallers(this WebApplication app)
    {
        var keys = app.Services.GetRequiredService<ApiKeys>();
        app.Use((context, next) =>
        {
            if (HealthCalls.IsOne(context))
                return next(context);
            try
            {
                context.Features.Set(keys.Identify(context.Request.Headers.Authorization));
            }
            catch (RpcException refusal)
            {
                return Refusal.WriteAsync(context, refusal);
            }

            return next(context);
        });
        return app;
    }
}
