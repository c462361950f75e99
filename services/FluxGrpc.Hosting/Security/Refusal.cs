using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Hosting.Security;

/// <summary>
/// Answers a call with a status before any of its messages is read: an interceptor comes after the message of a unary call, and a
/// caller who is refused anyway shall not have it buffered.
/// </summary>
public static class Refusal
{
    private const string MediaType = "application/grpc";

    /// <summary>Ends a call.</summary>
    /// <param name="context">The call.</param>
    /// <param name="refusal">Its status and details.</param>
    public static Task WriteAsync(HttpContext context, RpcException refusal)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(refusal);
        var response = context.Response;
        response.ContentType = MediaType;
        response.Headers["grpc-status"] = ((int)refusal.StatusCode).ToString(CultureInfo.InvariantCulture);
        response.Headers["grpc-message"] = Uri.EscapeDataString(refusal.Status.Detail);
        foreach (var entry in refusal.Trailers.Where(entry => entry.IsBinary))
            response.Headers[entry.Key] = Convert.ToBase64String(entry.ValueBytes);
        return response.CompleteAsync();
    }
}
