using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.EndToEnd;

[Collection(RealServicesTests.Name)]
public sealed class GenerateTests(RealServicesFixture fixture)
{
    private static readonly GenerateRequest _request = new()
    {
        Prompt = "a red circle left of a blue square",
        Width = 128,
        Height = 96,
        Steps = 4,
        Seed = 1234,
        Count = 2,
    };

    [Fact]
    public async Task Events_come_in_the_order_that_the_contract_states()
    {
        var events = await GenerateAsync(new GenerateRequest(_request) { IncludeTensors = true });

        var kinds = events.Select(item => item.EventCase.ToString());
        string[] image = ["Step", "Step", "Step", "Step", "Image"];
        Assert.Equal(["Accepted", "Encoded", .. image, .. image, "Finished"], kinds);
        Assert.Equal([1234UL, 1235UL], Images(events).Select(made => made.Seed));
        Assert.Equal(5, events[0].Accepted.Settings.Sigmas.Count);
        Assert.All(Images(events), made => Assert.Equal((128, 96), PngSize(made.Data.Span)));
    }

    [Fact]
    public async Task The_same_request_gives_the_same_bytes_twice()
    {
        var first = Images(await GenerateAsync(_request));
        var second = Images(await GenerateAsync(_request));

        Assert.Equal(first.Select(image => image.Data), second.Select(image => image.Data));
        Assert.NotEqual(first[0].Data, first[1].Data);
    }

    [Fact]
    public async Task Image_i_of_a_request_is_the_only_image_of_seed_plus_i()
    {
        var both = Images(await GenerateAsync(_request));
        var alone = new GenerateRequest(_request) { Seed = 1235, Count = 1 };

        Assert.Equal(both[1].Data, Images(await GenerateAsync(alone))[0].Data);
    }

    [Fact]
    public async Task Settings_left_out_are_the_model_s_own_and_are_reported()
    {
        var info = await fixture.Orchestrator.GetModelInfoAsync(new());
        using var call = fixture.Orchestrator.Generate(new GenerateRequest { Prompt = "a green star", Steps = 1 });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        var settings = call.ResponseStream.Current.Accepted.Settings;

        Assert.Equal(info.Vae.SampleSize, settings.Width);
        Assert.Equal(info.Vae.SampleSize, settings.Height);
        Assert.Equal(info.Defaults.Guidance, settings.Guidance);
        Assert.Equal(1, settings.Count);
    }

    [Fact]
    public async Task Tensors_are_sent_when_asked_for_and_follow_the_Euler_step()
    {
        var events = await GenerateAsync(new GenerateRequest(_request) { Count = 1, IncludeTensors = true });

        var sigmas = events[0].Accepted.Settings.Sigmas;
        var steps = events.Where(item => item.EventCase == GenerateResponse.EventOneofCase.Step).Select(item => item.Step).ToArray();
        Assert.Equal([1L, events[0].Accepted.Settings.MaxTokens], events[1].Encoded.HiddenStates.Shape.Take(2));
        for (var i = 0; i + 1 < steps.Length; i++)
        {
            var latents = FluxGrpc.Tensors.TensorMessage.ToFloats(steps[i].Latents);
            var velocity = FluxGrpc.Tensors.TensorMessage.ToFloats(steps[i].Velocity);
            var next = FluxGrpc.Tensors.TensorMessage.ToFloats(steps[i + 1].Latents);
            Assert.All(Enumerable.Range(0, latents.Length), k =>
                Assert.Equal(latents[k] + (sigmas[i + 1] - sigmas[i]) * velocity[k], next[k], 1e-5f));
        }
    }

    [Fact]
    public async Task Every_service_answers_reflection_health_and_model_info()
    {
        foreach (var service in new[] { fixture.Services.TextEncoder, fixture.Services.Denoiser, fixture.Services.Vae })
        {
            await service.WaitUntilServingAsync();
            Assert.NotEmpty(await Reflection.ListServicesAsync(service.Channel));
        }

        var info = await fixture.Orchestrator.GetModelInfoAsync(new());
        Assert.Equal("cpu", info.Denoiser.Component.Device);
        Assert.Equal(DataType.Float32, info.Denoiser.Component.ComputeDataType);
        Assert.Contains("flux.v1.ImageGenerationService", await Reflection.ListServicesAsync(fixture.Services.Orchestrator.Channel));
        var status = await fixture.Orchestrator.GetStatusAsync(new());
        Assert.All(status.Components, component => Assert.True(component.Ready, component.Problem));
    }

    private async Task<List<GenerateResponse>> GenerateAsync(GenerateRequest request)
    {
        using var call = fixture.Orchestrator.Generate(request);
        var events = new List<GenerateResponse>();
        await foreach (var item in call.ResponseStream.ReadAllAsync())
            events.Add(item);
        return events;
    }

    private static GeneratedImage[] Images(List<GenerateResponse> events) =>
        [.. events.Where(item => item.EventCase == GenerateResponse.EventOneofCase.Image).Select(item => item.Image)];

    // Width and height are the first two big-endian words of the IHDR chunk.
    private static (int Width, int Height) PngSize(ReadOnlySpan<byte> png) => (
        System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png[16..]),
        System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png[20..]));
}
