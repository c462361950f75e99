using System.Drawing;
using FluxGrpc.Client;
using FluxGrpc.Client.AI;
using FluxGrpc.V1;
using Google.Protobuf;
using Microsoft.Extensions.AI;
using Xunit;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>Code written against Microsoft.Extensions.AI, run against the real services.</summary>
[Collection(RealServicesTests.Name)]
public sealed class ImageGeneratorTests : IDisposable
{
    private const string Prompt = ClientScenarios.Prompt;

    private readonly RealServicesFixture _fixture;
    private readonly FluxClient _client;
    private readonly IImageGenerator _generator;

    public ImageGeneratorTests(RealServicesFixture fixture)
    {
        _fixture = fixture;
        _client = FluxClient.Connect(fixture.Services.Orchestrator.Address);
        _generator = _client.AsIImageGenerator();
    }

    public void Dispose()
    {
        _generator.Dispose();
        _client.Dispose();
    }

    [Fact]
    public async Task It_draws_the_bytes_of_the_client()
    {
        var expected = await _fixture.DrawAsync(ClientScenarios.TwoPictures);

        var response = await _generator.GenerateImagesAsync(Prompt, new ImageGenerationOptions
        {
            Count = 2,
            ImageSize = new Size(96, 64),
            AdditionalProperties = new() { ["seed"] = ClientScenarios.LargeSeed, ["steps"] = 3, ["guidance"] = 2.5 },
        });

        var images = response.Contents.Cast<DataContent>().ToArray();
        Assert.Equal(expected, images.Select(image => image.Data.ToArray()));
        Assert.All(images, image => Assert.Equal("image/png", image.MediaType));
        Assert.Equal(["18446744073709551610.png", "18446744073709551611.png"], images.Select(image => image.Name));
        Assert.Equal(ulong.MaxValue - 4, images[1].AdditionalProperties!["seed"]);
        Assert.Equal(6 * 4 * 2, response.Usage!.OutputTokenCount);
        Assert.InRange(response.Usage.InputTokenCount!.Value, 1, 100);
        var generation = Assert.IsType<FluxGeneration>(response.RawRepresentation);
        Assert.Equal(3, generation.Accepted.Settings.Steps);
        Assert.True(generation.Finished.TotalTime.ToTimeSpan() > TimeSpan.Zero);
    }

    [Fact]
    public async Task It_edits_an_image_as_the_client_does_and_tells_of_the_steps()
    {
        var start = new GenerateRequest { Prompt = Prompt, Width = 96, Height = 64, Steps = 2, Seed = 1 };
        var original = (await _fixture.DrawAsync(start))[0];
        var expected = await _fixture.DrawAsync(new GenerateRequest
        {
            Prompt = "a blue square",
            InitImage = ByteString.CopyFrom(original),
            Strength = 0.75f,
            Steps = 4,
            Seed = 2,
            Sampler = Sampler.Heun,
            NegativePrompt = "a circle",
            Format = ImageFormat.Webp,
        });
        var progress = new StepLog();

        var response = await _generator.EditImageAsync(new DataContent(original, "image/png"), "a blue square", new ImageGenerationOptions
        {
            MediaType = "image/webp",
            AdditionalProperties = new()
            {
                ["strength"] = 0.75,
                ["steps"] = 4,
                ["seed"] = 2,
                ["sampler"] = "heun",
                ["negative_prompt"] = "a circle",
                ["preview_interval"] = 2,
                ["progress"] = progress,
            },
        });

        var image = Assert.IsType<DataContent>(Assert.Single(response.Contents));
        Assert.Equal("image/webp", image.MediaType);
        Assert.Equal(expected[0], image.Data.ToArray());
        Assert.Equal([0, 1, 2], progress.Steps); // Three quarters of four steps.
        Assert.NotEmpty(progress.Previews);
    }

    [Fact]
    public async Task It_draws_along_timesteps_of_the_callers_own()
    {
        var expected = await _fixture.DrawAsync(
            new GenerateRequest { Prompt = Prompt, Width = 64, Height = 64, Seed = 3, Sigmas = { 1, 0.4f, 0 } });

        var response = await _generator.GenerateImagesAsync(Prompt, new ImageGenerationOptions
        {
            ImageSize = new Size(64, 64),
            AdditionalProperties = new() { ["seed"] = 3, ["sigmas"] = new[] { 1, 0.4f, 0 } },
        });

        Assert.Equal(expected[0], Assert.IsType<DataContent>(Assert.Single(response.Contents)).Data.ToArray());
    }

    [Fact]
    public async Task What_the_server_refuses_is_an_argument_exception_in_its_words()
    {
        var exception = await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateImagesAsync(
            Prompt, new ImageGenerationOptions { ImageSize = new Size(17, 64), AdditionalProperties = new() { ["steps"] = 0 } }));

        Assert.StartsWith("width is 17; allowed: multiples of 16", exception.Message, StringComparison.Ordinal);
        Assert.Contains("steps is 0; allowed: ", exception.Message, StringComparison.Ordinal);
        var cause = Assert.IsType<FluxException>(exception.InnerException);
        Assert.Equal(["steps", "width"], cause.Violations.Select(violation => violation.Field).Order());
    }

    [Fact]
    public async Task Another_model_than_the_servers_is_refused_and_its_own_is_not()
    {
        var small = new ImageGenerationOptions { ImageSize = new Size(64, 64), AdditionalProperties = new() { ["steps"] = 1 } };
        small.ModelId = "dall-e-3";

        var exception = await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateImagesAsync(Prompt, small));

        small.ModelId = (await _client.GetModelInfoAsync()).ModelName;
        Assert.Equal($"ModelId is 'dall-e-3'; allowed: '{small.ModelId}', the server's only model, or left out", exception.Message);
        Assert.Single((await _generator.GenerateImagesAsync(Prompt, small)).Contents);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_an_HTTP_failure()
    {
        using var client = FluxClient.Connect("http://127.0.0.1:1");

        var exception = await Assert.ThrowsAsync<HttpRequestException>(() => client.AsIImageGenerator().GenerateImagesAsync(Prompt));

        Assert.Equal(HttpRequestError.ConnectionError, exception.HttpRequestError);
        Assert.StartsWith("No answer from http://127.0.0.1:1: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_frees_the_denoiser()
    {
        using var cancellation = new CancellationTokenSource();
        var progress = new StepLog { OnStep = cancellation.Cancel };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _generator.GenerateImagesAsync(
            Prompt,
            new ImageGenerationOptions { AdditionalProperties = new() { ["steps"] = 200, ["progress"] = progress } },
            cancellation.Token));

        await _fixture.WaitForSessionsAsync(0);
    }

    /// <summary>Notes the steps, at once: <see cref="Progress{T}"/> would tell of them later, on another thread.</summary>
    private sealed class StepLog : IProgress<GenerateResponse>
    {
        public List<int> Steps { get; } = [];

        public List<byte[]> Previews { get; } = [];

        public Action OnStep { get; init; } = () => { };

        public void Report(GenerateResponse value)
        {
            if (value.Step is not { } step)
                return;
            Steps.Add(step.StepIndex);
            if (!step.Preview.IsEmpty)
                Previews.Add(step.Preview.ToByteArray());
            OnStep();
        }
    }
}
