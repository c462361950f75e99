using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>The contracts' messages as proto3 JSON, the mapping that grpcurl uses too.</summary>
internal static class ProtoJson
{
    private static readonly JsonFormatter _formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    /// <summary>A message as UTF-8 on one line.</summary>
    public static byte[] Serialize(IMessage message) => Encoding.UTF8.GetBytes(_formatter.Format(message));

    /// <summary>Reads a request's body.</summary>
    /// <exception cref="BadHttpRequestException">It is no such message; the message says why.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request)
        where T : IMessage, new()
    {
        var json = await JsonBody.ReadAsync(request);
        try
        {
            return JsonParser.Default.Parse<T>(json);
        }
        catch (Exception exception) when (exception is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new BadHttpRequestException($"The body is not a {new T().Descriptor.Name} in JSON: {exception.Message}", exception);
        }
    }
}
