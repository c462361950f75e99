using System.Net;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.V1;
using Google.Protobuf;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Web;

/// <summary>The OpenAI-compatible API over scripted services.</summary>
public sealed class OpenAiTests : IAsyncLifetime
{
    private const string Path = "/v1/images/generations";

    private WebTier _web = null!;

    public async Task InitializeAsync() => _web = await WebTier.StartAsync();

    public async Task DisposeAsync() => await _web.DisposeAsync();

    [Fact]
    public async Task Images_are_those_of_grpc_and_all_settings_are_optional()
    {
        var expected = await _web.Tier.GenerateAsync(
            new GenerateRequest { Prompt = "a star", Width = 80, Height = 64, Steps = 3, Guidance = 2, Seed = 41, Count = 2 });

        using var response = await _web.PostAsync(Path, """
            {"prompt": "a star", "n": 2, "size": "80x64", "seed": 41, "steps": 3, "guidance": 2, "model": "small-flux", "user": null,
             "response_format": "b64_json", "quality": "high", "style": "vivid", "background": "auto", "output_format": "png"}
            """);
        var answer = await WebTier.JsonOf(response);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(from item in expected where item.Image is not null select item.Image.Data.ToBase64(),
            answer.GetProperty("data").EnumerateArray().Select(image => image.GetProperty("b64_json").GetString()));
        Assert.Equal(["41", "42"], answer.GetProperty("data").EnumerateArray().Select(image => image.GetProperty("seed").GetString()));
        Assert.Equal(("80x64", "png"), (answer.GetProperty("size").GetString(), answer.GetProperty("output_format").GetString()));
        Assert.True(answer.GetProperty("created").GetInt64() > 0);
        var usage = answer.GetProperty("usage");
        Assert.Equal((3, 2 * 5 * 4, 43), (usage.GetProperty("input_tokens").GetInt32(), usage.GetProperty("output_tokens").GetInt32(),
            usage.GetProperty("total_tokens").GetInt32()));
    }

    [Fact]
    public async Task A_stream_has_its_partial_images_evenly_spread_and_then_the_image()
    {
        using var response = await _web.PostAsync(
            Path, """{"prompt": "x", "size": "80x64", "steps": 8, "seed": "5", "stream": true, "partial_images": 3, "n": 2}""");
        var events = await WebTier.EventsOf(response);

        string[] image = [.. Enumerable.Repeat("image_generation.partial_image", 3), "image_generation.completed"];
        Assert.Equal([.. image, .. image], events.Select(item => item.Name));
        Assert.All(events, item => Assert.Equal(item.Name, item.Data.GetProperty("type").GetString()));
        Assert.Equal([0, 1, 2], events.Take(3).Select(item => item.Data.GetProperty("partial_image_index").GetInt32()));
        Assert.Equal("10x8", events[0].Data.GetProperty("size").GetString());
        Assert.Equal(("80x64", "5"), (events[3].Data.GetProperty("size").GetString(), events[3].Data.GetProperty("seed").GetString()));
        Assert.False(events[3].Data.TryGetProperty("partial_image_index", out _));
    }

    [Theory]
    [InlineData("""{"n": 1}""", "prompt", "prompt is missing; required")]
    [InlineData("""{"prompt": ""}""", "prompt", "prompt is empty; allowed: 1 to 10000 characters")]
    [InlineData("""{"prompt": 7}""", "prompt", "prompt is 7; allowed: a Unicode string")]
    [InlineData("""{"prompt": "\ud800"}""", "prompt", "prompt is \"\\ud800\"; allowed: a Unicode string")]
    [InlineData("""{"prompt": "x", "n": 99}""", "n", "n is 99; allowed: 1 to 16")]
    [InlineData("""{"prompt": "x", "n": "2"}""", "n", "n is \"2\"; allowed: a whole number")]
    [InlineData("""{"prompt": "x", "n": 1.5}""", "n", "n is 1.5; allowed: a whole number")]
    [InlineData("""{"prompt": "x", "size": "17x64"}""", "size",
        "size: width is 17; allowed: multiples of 16 from 64 to 2048; nearest: 64")]
    [InlineData("""{"prompt": "x", "size": "big"}""", "size", "size is 'big'; allowed: auto, or width and height as in 1024x1024")]
    [InlineData("""{"prompt": "x", "response_format": "url"}""", "response_format", "response_format is 'url'; allowed: b64_json")]
    [InlineData("""{"prompt": "x", "background": "transparent"}""", "background", "background is 'transparent'; allowed: auto, opaque")]
    [InlineData("""{"prompt": "x", "partial_images": 4, "stream": true}""", "partial_images", "partial_images is 4; allowed: 0 to 3")]
    [InlineData("""{"prompt": "x", "partial_images": 1}""", "partial_images",
        "partial_images is given without stream; allowed: 0, or stream true")]
    [InlineData("""{"prompt": "x", "seed": -1}""", "seed", "seed is -1; allowed: 0 to 18446744073709551615")]
    [InlineData("""{"prompt": "x", "stream": 1}""", "stream", "stream is 1; allowed: true, false")]
    [InlineData("""{"prompt": "x", "guidance": 1e99}""", "guidance", "guidance is 1e99; allowed: a number")]
    [InlineData("""{"prompt": "x", "steps": 0}""", "steps", "steps is 0; allowed: 1 to 200")]
    [InlineData("""{"prompt": "x", "cfg": 3}""", "cfg", "cfg is unknown; allowed: leave it out")]
    public async Task A_bad_value_is_named_in_the_apis_own_words(string json, string param, string message)
    {
        using var response = await _web.PostAsync(Path, json);
        var error = (await WebTier.JsonOf(response)).GetProperty("error");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal((message, param, "invalid_request_error", "invalid_value"), (error.GetProperty("message").GetString(),
            error.GetProperty("param").GetString(), error.GetProperty("type").GetString(), error.GetProperty("code").GetString()));
    }

    [Theory]
    [InlineData("""{"prompt": "x", "prompt": "y"}""")]
    [InlineData("""{"prompt": "x",}""")]
    [InlineData("""{"\ud800": 1}""")]
    [InlineData("7")]
    [InlineData("")]
    public async Task What_is_no_json_object_is_refused(string json)
    {
        using var response = await _web.PostAsync(Path, json);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.StartsWith("The body is ", (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("message").GetString(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dall-e-3", HttpStatusCode.OK)]
    [InlineData("gpt-image-1", HttpStatusCode.OK)]
    [InlineData("small-flux", HttpStatusCode.OK)]
    [InlineData("another", HttpStatusCode.NotFound)]
    public async Task A_model_is_the_served_one_or_a_name_that_stands_for_it(string model, HttpStatusCode expected)
    {
        using var response = await _web.PostAsync(Path, $$"""{"prompt": "x", "steps": 1, "model": "{{model}}"}""");

        Assert.Equal(expected, response.StatusCode);
        if (expected == HttpStatusCode.NotFound)
            Assert.Equal("model_not_found", (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Partial_images_of_an_autoencoder_without_colors_are_refused_in_the_apis_words()
    {
        await using var web = await WebTier.StartAsync(tier => tier.Vae.Script.Info.LatentColors = null);

        using var response = await web.PostAsync(Path, """{"prompt": "x", "stream": true, "partial_images": 1}""");
        var error = (await WebTier.JsonOf(response)).GetProperty("error");

        Assert.Equal((HttpStatusCode.BadRequest, "partial_images"), (response.StatusCode, error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task An_edit_is_what_grpc_makes_of_the_picture()
    {
        var picture = PngWriter.Encode([.. Enumerable.Range(0, 80 * 64 * 3).Select(i => (byte)i)], 80, 64, []);
        var expected = await _web.Tier.GenerateAsync(new GenerateRequest
        {
            Prompt = "a star",
            InitImage = ByteString.CopyFrom(picture),
            Strength = 0.5f,
            Steps = 4,
            Seed = 41,
            Count = 2,
            Sampler = Sampler.Heun,
            NegativePrompt = "rain",
            Format = ImageFormat.Webp,
        });

        using var response = await _web.PostFormAsync("/v1/images/edits",
            [
                ("prompt", "a star"), ("n", "2"), ("seed", "41"), ("steps", "4"), ("strength", "0.5"), ("sampler", "heun"),
                ("negative_prompt", "rain"), ("output_format", "webp"), ("stream", "false"), ("model", "gpt-image-1"),
            ], picture);
        var answer = await WebTier.JsonOf(response);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(from item in expected where item.Image is not null select item.Image.Data.ToBase64(),
            answer.GetProperty("data").EnumerateArray().Select(image => image.GetProperty("b64_json").GetString()));
        Assert.Equal(("80x64", "webp"), (answer.GetProperty("size").GetString(), answer.GetProperty("output_format").GetString()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Images_that_are_made_side_by_side_come_in_turn(bool stream)
    {
        await using var web = await WebTier.StartAsync(tier =>
        {
            tier.Options.ImagesPerDenoiser = 4;
            (tier.Denoiser.Script.Info.MaxBatchSize, tier.Denoiser.Script.Info.MaxBatchTokens) = (8, 16_384);
        });
        var drawn = new TaskCompletionSource();
        web.Tier.Denoiser.Script.OnLastStep = (session, cancellation) => session.StartsWith("0/", StringComparison.Ordinal)
            ? drawn.Task.WaitAsync(cancellation) // The first image is the last to be there.
            : Task.CompletedTask;
        web.Tier.Vae.Script.OnDecode = call =>
        {
            if (call == 2)
                drawn.SetResult();
        };

        var streaming = stream ? ", \"stream\": true, \"partial_images\": 1" : "";
        using var response = await web.PostAsync("/v1/images/generations",
            $$"""{"prompt": "a star", "size": "80x64", "steps": 2, "seed": "41", "n": 3{{streaming}}}""");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        if (!stream)
        {
            var data = (await WebTier.JsonOf(response)).GetProperty("data").EnumerateArray();
            Assert.Equal(["41", "42", "43"], data.Select(image => image.GetProperty("seed").GetString()));
            return;
        }

        var events = await WebTier.EventsOf(response);
        string[] image = ["image_generation.partial_image", "image_generation.completed"];
        Assert.Equal([.. image, .. image, .. image], events.Select(item => item.Name));
        Assert.Equal(["41", "42", "43"],
            events.Where(item => item.Name == image[1]).Select(item => item.Data.GetProperty("seed").GetString()));
    }

    [Fact]
    public async Task An_edit_can_be_streamed()
    {
        var picture = PngWriter.Encode(new byte[80 * 64 * 3], 80, 64, []);

        using var response = await _web.PostFormAsync("/v1/images/edits",
            [("prompt", "x"), ("steps", "4"), ("strength", "1"), ("stream", "true"), ("partial_images", "1")], picture);

        Assert.Equal(["image_edit.partial_image", "image_edit.completed"], (await WebTier.EventsOf(response)).Select(item => item.Name));
    }

    [Theory]
    [InlineData(0, "image is missing; required, as a file", "image")]
    [InlineData(2, "image is 2 files; allowed: 1", "image")]
    public async Task An_edit_has_one_picture(int pictures, string message, string param)
    {
        var picture = PngWriter.Encode(new byte[80 * 64 * 3], 80, 64, []);

        using var response = await _web.PostFormAsync(
            "/v1/images/edits", [("prompt", "x")], [.. Enumerable.Repeat(picture, pictures)]);
        var error = (await WebTier.JsonOf(response)).GetProperty("error");

        Assert.Equal((HttpStatusCode.BadRequest, message, param),
            (response.StatusCode, error.GetProperty("message").GetString(), error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task What_is_no_picture_is_refused_by_the_apis_name_for_it()
    {
        using var response = await _web.PostFormAsync("/v1/images/edits", [("prompt", "x"), ("n", "two")], [1, 2, 3]);
        using var alone = await _web.PostFormAsync("/v1/images/edits", [("prompt", "x")], [1, 2, 3]);

        Assert.Equal("n is 'two'; allowed: a whole number",
            (await WebTier.JsonOf(response)).GetProperty("error").GetProperty("message").GetString());
        Assert.Equal("image", (await WebTier.JsonOf(alone)).GetProperty("error").GetProperty("param").GetString());
    }

    [Theory]
    [InlineData("application/json", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("multipart/form-data", HttpStatusCode.BadRequest)]
    [InlineData("multipart/form-data; boundary=x", HttpStatusCode.BadRequest)]
    public async Task What_is_no_form_is_refused(string mediaType, HttpStatusCode expected)
    {
        using var content = new ByteArrayContent("--x\r\nhalf a part"u8.ToArray());
        content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(mediaType);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/v1/images/edits", UriKind.Relative)) { Content = content };

        using var response = await _web.SendAsync(request);

        Assert.Equal(expected, response.StatusCode);
    }

    [Fact]
    public async Task The_models_are_listed_and_found()
    {
        await using var web = await WebTier.StartAsync(
            tier => tier.Denoiser.Script.Info.Component.ModelName = "black-forest/small flux");
        using var list = await web.GetAsync("/v1/models");
        using var one = await web.GetAsync("/v1/models/black-forest/small%20flux");
        using var none = await web.GetAsync("/v1/models/none");

        var model = (await WebTier.JsonOf(list)).GetProperty("data").EnumerateArray().Single();
        Assert.Equal(("black-forest/small flux", "model"), (model.GetProperty("id").GetString(), model.GetProperty("object").GetString()));
        Assert.Equal(model.ToString(), (await WebTier.JsonOf(one)).ToString());
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }
}
