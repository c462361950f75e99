using System.Net.Http.Headers;

namespace FluxGrpc.Channels;

/// <summary>Sends an API key along with each call that has none of its own.</summary>
internal sealed class ApiKeyHandler(string key, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private readonly AuthenticationHeaderValue _authorization = new("Bearer", key);

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Authorization ??= _authorization;
        return base.SendAsync(request, cancellationToken);
    }
}
