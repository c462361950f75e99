using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// Answers only under its own names, and only to pages of its own. A hostile site may let its name point to 127.0.0.1 (DNS rebinding),
/// which makes it the same origin to a browser, or send a form here without asking; the browser still says which site it is.
/// </summary>
internal sealed class KnownHosts(RequestDelegate next, KnownHosts.Names names)
{
    private readonly List<StringSegment> _names = [.. names.Allowed.Select(name => new StringSegment(name))];
    private readonly bool _allowsAll = names.Allowed.Contains("*");

    public Task InvokeAsync(HttpContext context)
    {
        Check("asked for by the name", context.Request.Host.Host);
        if (context.Request.Headers.Origin is [{ } origin])
            Check("asked by a page of", Uri.TryCreate(origin, UriKind.Absolute, out var site) ? site.Host : origin);
        return next(context);
    }

    private void Check(string how, string host)
    {
        if (!_allowsAll && !HostString.MatchesAny(host, _names))
        {
            throw new RpcException(new Status(StatusCode.PermissionDenied,
                $"This server was {how} '{host}'; allowed: {string.Join(", ", names.Allowed)} (--web-hosts)"));
        }
    }

    /// <summary>The names.</summary>
    /// <param name="Allowed">Names without a port; "*.example.org" allows all names below; "*" allows all.</param>
    internal sealed record Names(IReadOnlyList<string> Allowed);
}
