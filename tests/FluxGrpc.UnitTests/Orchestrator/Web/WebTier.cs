using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;

namespace FluxGrpc.UnitTests.Orchestrator.Web;

/// <summary>The real orchestrator with its web front over scripted services, and a plain HTTP client.</summary>
internal sealed class WebTier : IAsyncDisposable
{
    private readonly HttpClient _http = new() { Timeout = ScriptedTier.Patience };

    private WebTier()
    {
    }

    public ScriptedTier Tier { get; } = new();

    public static async Task<WebTier> StartAsync(Action<ScriptedTier>? change = null)
    {
        var web = new WebTier();
        web.Tier.Options.WebAddress = "http://127.0.0.1:0";
        web.Tier.Vae.Script.Info.LatentColors =
            new LatentColors { Factors = { 1, 0, 0, 0, 0, 1 }, Bias = { 0, 0, 0 } };
        change?.Invoke(web.Tier);
        await web.Tier.StartAsync();
        web._http.BaseAddress = web.Tier.WebAddress;
        return web;
    }

    public Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(new Uri(path, UriKind.Relative));

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => _http.SendAsync(request);

    public Task<HttpResponseMessage> PostAsync(string path, string json, string mediaType = "application/json") =>
        PostAsync(path, Encoding.UTF8.GetBytes(json), mediaType);

    public async Task<HttpResponseMessage> PostAsync(string path, byte[] body, string mediaType = "application/json")
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        return await _http.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    /// <summary>Posts a form with texts and, where there is one, a file.</summary>
    public async Task<HttpResponseMessage> PostFormAsync(string path, IEnumerable<(string Name, string Text)> texts, params byte[][] images)
    {
        using var form = new MultipartFormDataContent();
        foreach (var (name, text) in texts)
            form.Add(new StringContent(text), name);
        foreach (var image in images)
            form.Add(new ByteArrayContent(image), "image", "image.png");
        return await _http.PostAsync(new Uri(path, UriKind.Relative), form);
    }

    /// <summary>Begins a request whose answer is read as it comes; cancelling closes the connection.</summary>
    public Task<HttpResponseMessage> BeginAsync(string path, string json, CancellationToken cancellation)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative))
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        return _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public static async Task<JsonElement> JsonOf(HttpResponseMessage response)
    {
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return document.RootElement.Clone();
    }

    /// <summary>The events of a whole answer: names and data.</summary>
    public static async Task<List<(string Name, JsonElement Data)>> EventsOf(HttpResponseMessage response)
    {
        List<(string, JsonElement)> events = [];
        var text = await response.Content.ReadAsStringAsync();
        foreach (var lines in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(block => block.Split('\n')))
        {
            using var document = JsonDocument.Parse(lines[1]["data: ".Length..]);
            events.Add((lines[0]["event: ".Length..], document.RootElement.Clone()));
        }

        return events;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Tier.DisposeAsync();
    }
}
