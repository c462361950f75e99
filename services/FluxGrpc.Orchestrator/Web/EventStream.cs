using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>Server-sent events as the body of an answer, which begins with the first of them.</summary>
internal sealed class EventStream(HttpResponse response)
{
    /// <summary>Name of the event that tells a failure; the stream ends with it.</summary>
    public const string ErrorEvent = "error";

    private const string MediaType = "text/event-stream";

    /// <summary>Sends an event at once.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="json">Its data on one line.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task SendAsync(string name, ReadOnlyMemory<byte> json, CancellationToken cancellation)
    {
        if (!response.HasStarted)
        {
            response.ContentType = MediaType;
            response.Headers.CacheControl = "no-store";
            response.Headers["X-Accel-Buffering"] = "no"; // Asks nginx not to hold the events back.
        }

        var body = response.BodyWriter;
        body.Write(Encoding.UTF8.GetBytes($"event: {name}\ndata: "));
        body.Write(json.Span);
        body.Write("\n\n"u8);
        await body.FlushAsync(cancellation);
    }
}
