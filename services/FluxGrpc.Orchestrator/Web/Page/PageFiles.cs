using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FluxGrpc.Orchestrator.Web.Page;

/// <summary>The page's files, which lie in this assembly.</summary>
internal static class PageFiles
{
    private const string ResourcePrefix = "page/";
    private const string Index = "index.html";

    private static readonly Dictionary<string, string> _mediaTypes = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    /// <summary>Serves each file at its name, and the page itself at the root.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var assembly = typeof(PageFiles).Assembly;
        foreach (var resource in assembly.GetManifestResourceNames())
        {
            if (!resource.StartsWith(ResourcePrefix, StringComparison.Ordinal))
                continue;
            using var stream = assembly.GetManifestResourceStream(resource)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            var name = resource[ResourcePrefix.Length..];
            var file = new PageFile(content, _mediaTypes[Path.GetExtension(name)]);
            routes.MapMethods(name == Index ? "/" : $"/{name}", [HttpMethods.Get, HttpMethods.Head], file.ServeAsync);
        }
    }

    /// <summary>A file that browsers keep but ask about each time, so that a new version is seen at once.</summary>
    private sealed class PageFile(byte[] content, string mediaType)
    {
        private readonly string _tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..8])}\"";

        public Task ServeAsync(HttpContext context)
        {
            var response = context.Response;
            response.Headers.ETag = _tag;
            response.Headers.CacheControl = "no-cache";
            if (context.Request.Headers.IfNoneMatch == _tag)
            {
                response.StatusCode = StatusCodes.Status304NotModified;
                return Task.CompletedTask;
            }

            response.ContentType = mediaType;
            response.ContentLength = content.Length;
            return HttpMethods.IsHead(context.Request.Method)
                ? Task.CompletedTask
                : response.Body.WriteAsync(content, context.RequestAborted).AsTask();
        }
    }
}
