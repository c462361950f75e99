using System.Net;
using FluxGrpc.Tensors;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using ImageMagick;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Web;

/// <summary>The page's own API over services that answer, wait and fail.</summary>
public sealed class GenerateEndpointTests : IAsyncLifetime
{
    private const string Path = "/api/generate";
    private const string Order = """{"prompt": "a star", "width": 80, "height": 64, "steps": 3, "seed": "41", "count": 2}""";

    private WebTier _web = null!;

    public async Task InitializeAsync() => _web = await WebTier.StartAsync();

    public async Task DisposeAsync() => await _web.DisposeAsync();

    [Fact]
    public async Task The_events_and_the_images_are_those_of_grpc()
    {
        var expected = await _web.Tier.GenerateAsync(
            new GenerateRequest { Prompt = "a star", Width = 80, Height = 64, Steps = 3, Seed = 41, Count = 2 });

        using var response = await _web.PostAsync(Path, Order);
        var events = await WebTier.EventsOf(response);

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.True(response.Headers.CacheControl!.NoStore);
        // An image comes when it is drawn, among the next one's steps.
        Assert.Equal(
            expected.Select(item => item.EventCase.ToString().ToLowerInvariant()).Where(name => name != "image"),
            events.Select(item => item.Name).Where(name => name != "image"));
        Assert.Equal(from item in expected where item.Image is not null select item.Image.Data.ToBase64(),
            from item in events where item.Name == "image" select item.Data.GetProperty("image").GetProperty("data").GetString());
        Assert.Equal("41", events[0].Data.GetProperty("accepted").GetProperty("settings").GetProperty("seed").GetString());
    }

    [Fact]
    public async Task A_preview_comes_with_every_nth_step_and_is_the_guess_of_the_clean_image()
    {
        using var response = await _web.PostAsync(Path, """{"prompt": "x", "width": 80, "height": 64, "steps": 5, "previewInterval": 2}""");
        var events = await WebTier.EventsOf(response);

        var previews = (from item in events
                        where item.Name == "step"
                        select item.Data.GetProperty("step").GetProperty("preview").GetBytesFromBase64()).ToList();
        Assert.Equal([false, true, false, true, false], previews.Select(preview => preview.Length > 0));
        using var picture = new MagickImage(previews[1]);
        Assert.Equal((10u, 8u), (picture.Width, picture.Height));
        // The scripted denoiser always points to latents of 0.25.
        Assert.Equal([159, 128, 159], picture.GetPixels().GetPixel(4, 4).ToArray());
    }

    [Fact]
    public async Task Leaving_ends_the_denoisers_session_within_the_step()
    {
        var step = BlockedStep.In(_web.Tier.Denoiser.Script, 1);
        using var leaving = new CancellationTokenSource();
        using (var response = await _web.BeginAsync(Path, Order, leaving.Token))
            await step.Reached;

        await _web.Tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);
        Assert.Equal(0, _web.Tier.Denoiser.Script.OpenSessions);
    }

    [Fact]
    public async Task A_failure_on_the_way_is_the_last_event()
    {
        _web.Tier.Vae.Script.OnDecode = _ => throw Violations.Of("latents", "are odd");

        using var response = await _web.PostAsync(Path, Order);
        var events = await WebTier.EventsOf(response);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(["step", "error"], events.TakeLast(2).Select(item => item.Name));
        var error = events[^1].Data.GetProperty("error");
        Assert.Equal("server_error", error.GetProperty("type").GetString());
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_told_at_once_with_its_field()
    {
        using var response = await _web.PostAsync(Path, """{"prompt": "", "width": 17, "count": 99}""");
        var error = (await WebTier.JsonOf(response)).GetProperty("error");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(("invalid_request_error", "prompt", "invalid_value"), (error.GetProperty("type").GetString(),
            error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        Assert.Equal(["prompt", "width", "count"],
            error.GetProperty("violations").EnumerateArray().Select(violation => violation.GetProperty("field").GetString()));
        Assert.Contains("count is 99; allowed: 1 to 16", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"prompt": "x", "sort": 1}""", "sort")]
    [InlineData("""{"prompt": 7}""", "Unsupported conversion")]
    [InlineData("""["x"]""", "GenerateRequest")]
    [InlineData("""{"prompt": "x" """, "GenerateRequest")]
    [InlineData("", "GenerateRequest")]
    public async Task What_is_no_request_is_refused_with_the_reason(string json, string reason)
    {
        using var response = await _web.PostAsync(Path, json);
        var error = (await WebTier.JsonOf(response)).GetProperty("error");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(reason, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused()
    {
        using var response = await _web.PostAsync(Path, [.. "{\"prompt\": \""u8, 0xC3, 0x28, .. "\"}"u8]);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("The body is not UTF-8",
            (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task Another_content_type_is_refused_since_a_foreign_page_may_send_it()
    {
        using var response = await _web.PostAsync(Path, Order, "text/plain");

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal(0, _web.Tier.TextEncoder.Script.Calls);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_refused()
    {
        await using var web = await WebTier.StartAsync(tier => tier.Options.MaxWebBodyBytes = 1024);

        using var response = await web.PostAsync(Path, $$"""{"prompt": "{{new string('x', 1024)}}"}""");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("invalid_request_error",
            (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("type").GetString());
    }

    [Fact]
    public async Task Too_many_requests_are_429_and_say_when_to_come_again()
    {
        await using var web = await WebTier.StartAsync(tier => tier.Options.MaxRequests = 1);
        var step = BlockedStep.In(web.Tier.Denoiser.Script, 0);
        using var first = await web.BeginAsync(Path, Order, CancellationToken.None);
        await step.Reached;

        using var second = await web.PostAsync(Path, Order);

        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), second.Headers.RetryAfter!.Delta);
        Assert.Equal("too_many_requests", (await WebTier.JsonOf(second)).GetProperty("error").GetProperty("code").GetString());
        step.GoOn();
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_503()
    {
        await _web.Tier.TextEncoder.StopAsync();

        using var response = await _web.GetAsync("/api/info");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("server_error", (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("type").GetString());
    }

    [Fact]
    public async Task Info_has_the_limits_and_the_defaults()
    {
        using var response = await _web.GetAsync("/api/info");
        var info = await WebTier.JsonOf(response);

        Assert.Equal(("small-flux", 16, 128), (info.GetProperty("modelName").GetString(),
            info.GetProperty("limits").GetProperty("maxCount").GetInt32(), info.GetProperty("defaults").GetProperty("width").GetInt32()));
    }
}
