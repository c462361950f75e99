using System.Drawing;
using System.Text.Json;
using FluxGrpc.Client;
using FluxGrpc.Client.AI;
using FluxGrpc.V1;
using Google.Protobuf;
using Microsoft.Extensions.AI;
using Xunit;

namespace FluxGrpc.UnitTests.Client;

/// <summary>What becomes of a request of Microsoft.Extensions.AI.</summary>
public sealed class ImageOrderTests
{
    private static readonly byte[] _file = [1, 2, 3];

    [Fact]
    public void A_prompt_alone_leaves_everything_to_the_server() =>
        Assert.Equal(new GenerateRequest { Prompt = "a cat" }, Read(new ImageGenerationRequest("a cat"), options: null).Request);

    [Fact]
    public void Everything_that_can_be_asked_for_arrives()
    {
        var progress = new Progress<GenerateResponse>();
        var request = new ImageGenerationRequest("a cat", [new DataContent(_file, "image/webp")]);

        var order = Read(request, new ImageGenerationOptions
        {
            Count = 3,
            ImageSize = new Size(96, 64),
            MediaType = "image/jpeg",
            ResponseFormat = ImageGenerationResponseFormat.Data,
            StreamingCount = 0,
            AdditionalProperties = new()
            {
                ["seed"] = ulong.MaxValue,
                ["steps"] = (short)4,
                ["guidance"] = 2.5,
                ["strength"] = 0.75m,
                ["negative_prompt"] = "a dog",
                ["true_cfg_scale"] = 3,
                ["step_cache_threshold"] = 0.25,
                ["sampler"] = "Heun",
                ["sigmas"] = new[] { 1.0, 0.5, 0 },
                ["t5_prompt"] = "a tabby cat",
                ["max_tokens"] = 64,
                ["priority"] = Priority.Batch,
                ["request_id"] = "mine",
                ["preview_interval"] = 2,
                ["progress"] = progress,
            },
        });

        Assert.Same(progress, order.Progress);
        Assert.Equal(
            new GenerateRequest
            {
                Prompt = "a cat",
                InitImage = ByteString.CopyFrom(_file),
                Count = 3,
                Width = 96,
                Height = 64,
                Format = ImageFormat.Jpeg,
                Seed = ulong.MaxValue,
                Steps = 4,
                Guidance = 2.5f,
                Strength = 0.75f,
                NegativePrompt = "a dog",
                TrueCfgScale = 3,
                StepCacheThreshold = 0.25f,
                Sampler = Sampler.Heun,
                Sigmas = { 1, 0.5f, 0 },
                T5Prompt = "a tabby cat",
                MaxTokens = 64,
                Priority = Priority.Batch,
                RequestId = "mine",
                PreviewInterval = 2,
            },
            order.Request);
    }

    [Fact]
    public void Options_that_were_JSON_are_read_as_well()
    {
        const string Json = """
            {
              "additionalProperties":
                {"seed": 18446744073709551615, "guidance": 2.5, "sampler": "dpmpp_2m", "sigmas": [1, 0.25, 0], "steps": null}
            }
            """;

        var order = Read(
            new ImageGenerationRequest("a cat"), JsonSerializer.Deserialize<ImageGenerationOptions>(Json, AIJsonUtilities.DefaultOptions));

        Assert.Equal(
            new GenerateRequest
            {
                Prompt = "a cat",
                Seed = ulong.MaxValue,
                Guidance = 2.5f,
                Sampler = Sampler.Dpmpp2M,
                Sigmas = { 1, 0.25f, 0 },
            },
            order.Request);
    }

    [Fact]
    public void The_options_go_before_the_raw_request()
    {
        var order = Read(new ImageGenerationRequest("a cat"), new ImageGenerationOptions
        {
            RawRepresentationFactory = _ =>
                new GenerateRequest { Prompt = "a dog", Count = 2, Steps = 3, Sigmas = { 1, 0 }, IncludeTensors = true },
            Count = 4,
            AdditionalProperties = new() { ["sigmas"] = new[] { 1f, 0.5f, 0 } },
        });

        Assert.Equal(
            new GenerateRequest { Prompt = "a cat", Count = 4, Steps = 3, Sigmas = { 1, 0.5f, 0 }, IncludeTensors = true }, order.Request);
    }

    [Theory]
    [InlineData("sed", 1, "AdditionalProperties has 'sed'; allowed: seed, steps, ")]
    [InlineData("seed", -1, "AdditionalProperties[\"seed\"] is -1; allowed: an integer from 0 to 18446744073709551615")]
    [InlineData("seed", "7", "AdditionalProperties[\"seed\"] is '7'; allowed: an integer from ")]
    [InlineData("steps", 4.5, "AdditionalProperties[\"steps\"] is 4.5; allowed: an integer from -2147483648 to 2147483647")]
    [InlineData("steps", 5_000_000_000, "AdditionalProperties[\"steps\"] is 5000000000; allowed: an integer from ")]
    [InlineData("guidance", "strong", "AdditionalProperties[\"guidance\"] is 'strong'; allowed: a number")]
    [InlineData("strength", true, "AdditionalProperties[\"strength\"] is True; allowed: a number")]
    [InlineData("negative_prompt", 1, "AdditionalProperties[\"negative_prompt\"] is 1; allowed: a text")]
    [InlineData("sampler", "ddim", "AdditionalProperties[\"sampler\"] is 'ddim'; allowed: euler, heun, dpmpp_2m")]
    [InlineData("sampler", Sampler.Unspecified, "AdditionalProperties[\"sampler\"] is Unspecified; allowed: euler, heun, dpmpp_2m")]
    [InlineData("sigmas", "1 0", "AdditionalProperties[\"sigmas\"] is '1 0'; allowed: a sequence of numbers")]
    [InlineData("progress", 1, "AdditionalProperties[\"progress\"] is 1; allowed: an IProgress of GenerateResponse")]
    public void A_property_that_is_wrong_is_named(string name, object value, string message)
    {
        var options = new ImageGenerationOptions { AdditionalProperties = new() { [name] = value } };

        var exception = Assert.Throws<ArgumentException>(() => Read(new ImageGenerationRequest("a cat"), options));

        Assert.StartsWith(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_this_generator_cannot_do_is_refused()
    {
        Refuses(new() { MediaType = "image/gif" }, "MediaType is 'image/gif'; allowed: image/png, image/jpeg, image/webp");
        Refuses(new() { ResponseFormat = ImageGenerationResponseFormat.Uri }, "ResponseFormat is Uri; allowed: Data");
        Refuses(new() { StreamingCount = 2 }, "StreamingCount is 2; allowed: 0, for this interface has no stream; ");
        Refuses(
            new(), "OriginalImages has 2 images; allowed: one", new DataContent(_file, "image/png"), new DataContent(_file, "image/png"));
        Refuses(new(), "OriginalImages has a DataContent of type text/plain; ", new DataContent(_file, "text/plain"));
        Refuses(new(), "OriginalImages has a UriContent; ", new UriContent("http://localhost/a.png", "image/png"));
    }

    private static void Refuses(ImageGenerationOptions options, string message, params AIContent[] originals)
    {
        var exception = Assert.Throws<ArgumentException>(() => Read(new ImageGenerationRequest("a cat", originals), options));
        Assert.StartsWith(message, exception.Message, StringComparison.Ordinal);
    }

    private static ImageOrder Read(ImageGenerationRequest request, ImageGenerationOptions? options)
    {
        using var client = FluxClient.Connect("http://localhost:1");
        return ImageOrder.Read(request, options, client.AsIImageGenerator());
    }
}
