using System.Text;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>Reads bodies of JSON.</summary>
internal static class JsonBody
{
    private static readonly UTF8Encoding _strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// Reads a body whole; the server bounds it. The content type is insisted upon: a browser sends this one to another site only after
    /// asking, which is not answered here.
    /// </summary>
    /// <exception cref="BadHttpRequestException">Another type, too large, cut off, or not UTF-8.</exception>
    public static async Task<string> ReadAsync(HttpRequest request)
    {
        if (!request.HasJsonContentType())
        {
            throw new BadHttpRequestException($"The content type is '{request.ContentType}'; allowed: {WebJson.MediaType}",
                StatusCodes.Status415UnsupportedMediaType);
        }

        try
        {
            using var reader = new StreamReader(request.Body, _strictUtf8);
            return await reader.ReadToEndAsync(request.HttpContext.RequestAborted);
        }
        catch (DecoderFallbackException exception)
        {
            throw new BadHttpRequestException("The body is not UTF-8", exception);
        }
    }
}
