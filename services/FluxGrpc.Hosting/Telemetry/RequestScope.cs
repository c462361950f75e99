using System.Collections.ObjectModel;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>
/// The request's id in the log of every service that works for it. It travels as W3C baggage beside the trace's ids, which .NET's HTTP
/// client and server carry whether or not anybody collects traces.
/// </summary>
public static class RequestScope
{
    /// <summary>The id's name in baggage, spans and logs.</summary>
    public const string RequestId = "flux.request_id";

    private const int MaxIdLength = 128;

    /// <summary>Begins the scope of a request that starts here, and hands its id on to every call that is made from now on.</summary>
    /// <param name="logger">Any logger: scopes are common to all.</param>
    /// <param name="requestId">The request's id.</param>
    public static IDisposable? BeginRequest(this ILogger logger, string requestId)
    {
        Activity.Current?.SetBaggage(RequestId, requestId);
        return logger.BeginScope(new Scope(requestId));
    }

    /// <summary>Logs each call that is made for a request under that request's id.</summary>
    internal static void UseRequestScope(this WebApplication app)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(RequestScope));
        app.Use(async (context, next) =>
        {
            using var scope = Activity.Current?.GetBaggageItem(RequestId) is { } id && IsFit(id) ? logger.BeginScope(new Scope(id)) : null;
            await next(context);
        });
    }

    /// <summary>Anybody can send baggage.</summary>
    private static bool IsFit(string id) => id.Length is > 0 and <= MaxIdLength && id.All(letter => letter is >= '!' and <= '~');

    /// <summary>Fields for the formats that have some, a text for the others.</summary>
    private sealed class Scope(string id) : ReadOnlyCollection<KeyValuePair<string, object?>>([new(RequestId, id)])
    {
        public override string ToString() => $"{RequestId}:{id}";
    }
}
