using FluxGrpc.Orchestrator.Images;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.EndToEnd;

/// <summary>Samplers, own timesteps, negative prompts, pictures to start from and file types, through all four services.</summary>
[Collection(RealServicesTests.Name)]
public sealed class EditingTests(RealServicesFixture fixture)
{
    private static readonly GenerateRequest _request = new()
    {
        Prompt = "a red circle on a blue background",
        Width = 96,
        Height = 64,
        Steps = 4,
        Seed = 1234,
    };

    [Fact]
    public async Task Each_sampler_makes_a_picture_of_its_own_and_the_same_one_again()
    {
        Sampler[] samplers = [Sampler.Euler, Sampler.Heun, Sampler.Dpmpp2M];
        var images = new List<ByteString>();
        foreach (var sampler in samplers)
        {
            var (settings, image) = await GenerateAsync(new GenerateRequest(_request) { Sampler = sampler });
            Assert.Equal(sampler, settings.Sampler);
            Assert.Equal(image.Data, (await GenerateAsync(new GenerateRequest(_request) { Sampler = sampler })).Image.Data);
            images.Add(image.Data);
        }

        Assert.Equal(samplers.Length, images.Distinct().Count());
        Assert.Equal(Pixels(images[0]), Pixels((await GenerateAsync(_request)).Image.Data)); // Euler's method is the default.
    }

    [Fact]
    public async Task The_schedules_own_timesteps_give_the_schedules_picture()
    {
        var (settings, image) = await GenerateAsync(_request);
        var request = new GenerateRequest(_request) { Sigmas = { settings.Sigmas } };
        request.ClearSteps();

        Assert.Equal(Pixels(image.Data), Pixels((await GenerateAsync(request)).Image.Data));

        request.Sigmas[1] = (request.Sigmas[1] + request.Sigmas[2]) / 2;
        Assert.NotEqual(Pixels(image.Data), Pixels((await GenerateAsync(request)).Image.Data));
    }

    [Fact]
    public async Task A_negative_prompt_of_scale_1_changes_nothing_and_a_larger_one_does()
    {
        var plain = Pixels((await GenerateAsync(_request)).Image.Data);
        var request = new GenerateRequest(_request) { NegativePrompt = "a green background", TrueCfgScale = 1 };
        Assert.Equal(plain, Pixels((await GenerateAsync(request)).Image.Data));

        request.TrueCfgScale = 3;
        var (settings, image) = await GenerateAsync(request);

        Assert.Equal(3, settings.TrueCfgScale);
        Assert.NotEqual(plain, Pixels(image.Data));
    }

    /// <summary>The prompt as its own negative leaves v + s·(v − v) = v, whatever the strength.</summary>
    [Fact]
    public async Task A_negative_prompt_that_is_the_prompt_changes_nothing()
    {
        var plain = Pixels((await GenerateAsync(_request)).Image.Data);
        var same = Pixels((await GenerateAsync(new GenerateRequest(_request) { NegativePrompt = _request.Prompt })).Image.Data);
        Assert.All(plain.Zip(same), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
    }

    [Fact]
    public async Task The_step_cache_skips_steps_changes_the_picture_a_little_and_says_so()
    {
        var request = new GenerateRequest(_request) { Steps = 12 };
        var plain = Pixels((await GenerateAsync(request)).Image.Data);
        request.StepCacheThreshold = 0.2f;

        var events = await EventsAsync(request);

        var steps = events.Where(item => item.EventCase == GenerateResponse.EventOneofCase.Step).Select(item => item.Step).ToArray();
        var image = events.Single(item => item.EventCase == GenerateResponse.EventOneofCase.Image).Image.Data;
        Assert.False(steps[0].Reused);
        Assert.InRange(steps.Count(step => step.Reused), 2, 10);
        Assert.Equal(steps.Count(step => step.Reused), events[^1].Finished.ReusedSteps);
        Assert.Equal(0.2f, events[0].Accepted.Settings.StepCacheThreshold);
        Assert.Equal("0.2", PictureReader.ReadSettings(image.Span)["step_cache_threshold"]);
        Assert.InRange(plain.Zip(Pixels(image), (one, other) => Math.Abs(one - other)).Average(), 0.001, 20);

        request.StepCacheThreshold = 1e-9f;
        Assert.Equal(plain, Pixels((await GenerateAsync(request)).Image.Data));
    }

    [Fact]
    public async Task On_a_CPU_an_image_is_drawn_before_the_next_one_is_denoised()
    {
        const int Fifth = 4; // Four share passes.
        var request = new GenerateRequest(_request) { Count = Fifth + 1, Steps = 12 };

        var events = await EventsAsync(request);

        var images = events.Where(item => item.EventCase == GenerateResponse.EventOneofCase.Image).Select(item => item.Image).ToArray();
        Assert.Equal(Enumerable.Range(0, Fifth + 1), images.Select(image => image.ImageIndex));
        var begun = events.FindIndex(item => item.Step is { ImageIndex: Fifth });
        Assert.True(begun > events.FindIndex(item => item.EventCase == GenerateResponse.EventOneofCase.Image));
        var alone = await GenerateAsync(new GenerateRequest(_request) { Steps = 12, Seed = _request.Seed + 1 });
        Assert.Equal(Pixels(alone.Image.Data), Pixels(images[1].Data));
    }

    [Fact]
    public async Task A_picture_to_start_from_is_left_the_further_the_greater_the_strength()
    {
        var picture = (await GenerateAsync(_request)).Image.Data;
        var other = new GenerateRequest(_request) { Prompt = "a yellow star on white", Seed = 9, Steps = 8, InitImage = picture };
        other.ClearWidth();
        other.ClearHeight();

        var distances = new List<double>();
        foreach (var strength in (float[])[0.125f, 0.75f, 1])
        {
            var (settings, image) = await GenerateAsync(new GenerateRequest(other) { Strength = strength });
            Assert.Equal((96, 64, strength), (settings.Width, settings.Height, settings.Strength));
            Assert.Equal((int)(8 * strength), settings.Steps);
            distances.Add(Pixels(image.Data).Zip(Pixels(picture), (made, given) => Math.Abs(made - given)).Average());
        }

        Assert.True(distances[0] < distances[1], string.Join(", ", distances));
        var alone = new GenerateRequest(other) { InitImage = ByteString.Empty, Width = 96, Height = 64 };
        var whole = await GenerateAsync(new GenerateRequest(other) { Strength = 1 });
        Assert.Equal(Pixels((await GenerateAsync(alone)).Image.Data), Pixels(whole.Image.Data)); // Strength 1 ignores the picture.
    }

    [Theory]
    [InlineData(ImageFormat.Jpeg, "image/jpeg")]
    [InlineData(ImageFormat.Webp, "image/webp")]
    public async Task Other_files_hold_the_same_settings(ImageFormat format, string mediaType)
    {
        var png = PictureReader.ReadSettings((await GenerateAsync(_request)).Image.Data.Span);

        var image = (await GenerateAsync(new GenerateRequest(_request) { Format = format })).Image;

        Assert.Equal(mediaType, image.MediaType);
        Assert.Equal(png.OrderBy(text => text.Key), PictureReader.ReadSettings(image.Data.Span).OrderBy(text => text.Key));
    }

    private async Task<(GenerationSettings Settings, GeneratedImage Image)> GenerateAsync(GenerateRequest request)
    {
        var events = await EventsAsync(request);
        return (events[0].Accepted.Settings, events.Single(item => item.EventCase == GenerateResponse.EventOneofCase.Image).Image);
    }

    private async Task<List<GenerateResponse>> EventsAsync(GenerateRequest request)
    {
        using var call = fixture.Orchestrator.Generate(request);
        var events = new List<GenerateResponse>();
        await foreach (var item in call.ResponseStream.ReadAllAsync())
            events.Add(item);
        return events;
    }

    private static byte[] Pixels(ByteString file)
    {
        var (width, height) = PictureReader.ReadSize(file.Span);
        return PictureReader.Read(file.Span, width, height);
    }
}
