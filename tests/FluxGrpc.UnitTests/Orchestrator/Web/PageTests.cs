using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Web;

/// <summary>The page's files, and what every answer of the web front says to browsers.</summary>
public sealed partial class PageTests : IAsyncLifetime
{
    private WebTier _web = null!;

    public async Task InitializeAsync() => _web = await WebTier.StartAsync();

    public async Task DisposeAsync() => await _web.DisposeAsync();

    [Fact]
    public async Task Every_file_that_the_page_names_is_served_here_with_its_type()
    {
        var page = await TextOf("/");
        var references = Names(Reference(), page).ToList();
        var scripts = await Task.WhenAll(references.Where(name => name.EndsWith(".js", StringComparison.Ordinal)).Select(TextOf));
        var names = references.Concat(scripts.SelectMany(script => Names(Import(), script))).Distinct().ToList();

        Assert.Contains("app.js", names);
        Assert.Contains("api.js", names);
        foreach (var name in names)
        {
            using var response = await _web.GetAsync($"/{name}");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var expected = Path.GetExtension(name) switch { ".js" => "text/javascript", ".css" => "text/css", _ => "image/svg+xml" };
            Assert.Equal(expected, response.Content.Headers.ContentType!.MediaType);
        }

        Assert.DoesNotContain("//", page, StringComparison.Ordinal); // Nothing from elsewhere.
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/app.js")]
    [InlineData("/api/info")]
    [InlineData("/v1/models")]
    [InlineData("/nothing/here")]
    public async Task Every_answer_forbids_what_the_page_does_not_need(string path)
    {
        using var response = await _web.GetAsync(path);

        var policy = string.Join(';', response.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.False(response.Headers.Contains("Server"));
    }

    [Fact]
    public async Task A_browser_that_has_a_file_is_not_sent_it_again()
    {
        using var first = await _web.GetAsync("/style.css");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/style.css");
        request.Headers.IfNoneMatch.Add(new EntityTagHeaderValue(first.Headers.ETag!.Tag));

        using var second = await _web.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        Assert.Empty(await second.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("evil.example", HttpStatusCode.Forbidden)]
    [InlineData("localhost.evil.example:80", HttpStatusCode.Forbidden)]
    [InlineData("localhost:1234", HttpStatusCode.OK)]
    [InlineData("127.0.0.1", HttpStatusCode.OK)]
    [InlineData("[::1]:80", HttpStatusCode.OK)]
    public async Task Only_its_own_names_are_answered(string host, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Host = host;

        using var response = await _web.SendAsync(request);

        Assert.Equal(expected, response.StatusCode);
    }

    [Theory]
    [InlineData("http://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("null", HttpStatusCode.Forbidden)]
    [InlineData("http://localhost:1234", HttpStatusCode.OK)]
    public async Task Only_its_own_pages_are_answered(string origin, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/info");
        request.Headers.Add("Origin", origin);

        using var response = await _web.SendAsync(request);

        Assert.Equal(expected, response.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/nothing/here", HttpStatusCode.NotFound, "unknown_url")]
    [InlineData("GET", "/api/generate", HttpStatusCode.MethodNotAllowed, "method_not_supported")]
    [InlineData("DELETE", "/v1/models", HttpStatusCode.MethodNotAllowed, "method_not_supported")]
    public async Task What_is_not_there_is_told_as_json(string method, string path, HttpStatusCode status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var response = await _web.SendAsync(request);

        Assert.Equal(status, response.StatusCode);
        Assert.Equal(code, (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("code").GetString());
    }

    private async Task<string> TextOf(string path)
    {
        using var response = await _web.GetAsync(path);
        return await response.Content.ReadAsStringAsync();
    }

    private static IEnumerable<string> Names(Regex regex, string text) => regex.Matches(text).Select(match => match.Groups[1].Value);

    [GeneratedRegex("(?:src|href)=\"([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("from \"\\./([^\"]+)\"")]
    private static partial Regex Import();
}
