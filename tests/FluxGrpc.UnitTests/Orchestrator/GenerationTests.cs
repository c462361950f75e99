using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Tensors;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>The orchestrator over services that answer: events, tensors, pictures, limits.</summary>
public sealed class GenerationTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync()
    {
        (_tier.Options.MaxGenerations, _tier.Options.MaxQueuedWork) = (1, 0);
        await _tier.StartAsync();
    }

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task Events_come_in_the_contracts_order()
    {
        var events = await _tier.GenerateAsync(Request(count: 2));

        Assert.Equal(["Accepted", "Encoded", "Step", "Step", "Step", "Image", "Step", "Step", "Step", "Image", "Finished"],
            events.Select(response => response.EventCase.ToString()));
        Assert.Equal([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)],
            from response in events where response.Step is not null select (response.Step.ImageIndex, response.Step.StepIndex));
        Assert.Equal([(0, 41UL), (1, 42UL)],
            from response in events where response.Image is not null select (response.Image.ImageIndex, response.Image.Seed));
        var accepted = events[0].Accepted;
        Assert.Equal(("order-1", "small-flux", 80, 64, 3), (accepted.RequestId, accepted.ModelName, accepted.Settings.Width,
            accepted.Settings.Height, accepted.Settings.Sigmas.Count - 1));
        Assert.Equal("end", events[1].Encoded.ClipUsage.DroppedText);
        Assert.Equal(("replica-1", 3), (events[2].Step.ReplicaId, events[2].Step.Steps));
        Assert.True(events[^1].Finished.TotalTime.ToTimeSpan() >= events[^1].Finished.DenoiseTime.ToTimeSpan());
    }

    [Fact]
    public async Task An_autoencoder_with_a_device_of_its_own_draws_while_the_next_image_is_denoised()
    {
        await using var tier = new ScriptedTier();
        tier.Vae.Script.Info.Component.Device = "cuda:1";
        await tier.StartAsync();
        using var nextHasBegun = new ManualResetEventSlim();
        tier.Vae.Script.OnDecode = call => Assert.True(call > 1 || nextHasBegun.Wait(TimeSpan.FromSeconds(10)));

        using var call = tier.Client.Generate(Request(count: 2));
        var order = new List<string>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(ScriptedTier.Patience))
        {
            var happened = call.ResponseStream.Current;
            if (happened.Step is { ImageIndex: 1 })
                nextHasBegun.Set();
            if ((happened.Step?.ImageIndex ?? happened.Image?.ImageIndex) is { } image)
                order.Add($"{happened.EventCase} {image}");
        }

        Assert.True(order.IndexOf("Step 1") < order.IndexOf("Image 0"), string.Join(", ", order));
        Assert.True(order.IndexOf("Image 1") > order.LastIndexOf("Step 1"), string.Join(", ", order));
        Assert.Equal(8, order.Count);
    }

    [Fact]
    public async Task An_image_that_cannot_be_drawn_ends_the_request_while_the_next_one_is_denoised()
    {
        await using var tier = new ScriptedTier();
        tier.Vae.Script.Info.Component.Device = "cuda:1";
        await tier.StartAsync();
        tier.Vae.Script.OnDecode = _ => throw new RpcException(new Grpc.Core.Status(StatusCode.InvalidArgument, "no such latents"));

        await Assert.ThrowsAsync<RpcException>(() => tier.GenerateAsync(Request(count: 8)));

        Assert.InRange(tier.Denoiser.Script.Opened.Count, 1, 3);
    }

    [Fact]
    public async Task The_denoiser_gets_the_conditioning_and_the_schedule_once_an_image()
    {
        var events = await _tier.GenerateAsync(Request(count: 2));

        Assert.Equal(2, _tier.Denoiser.Script.Opened.Count);
        var opening = _tier.Denoiser.Script.Opened[1];
        Assert.Equal(("1/order-1", 2.5f, 4, 5, 0), (opening.SessionId, opening.Guidance, opening.Grid.Rows, opening.Grid.Columns,
            opening.FirstStepIndex));
        Assert.Equal(events[0].Accepted.Settings.Sigmas, opening.Sigmas);
        Assert.Equal([1, 64, SmallModels.HiddenSize], opening.HiddenStates.Shape);
        Assert.Equal("small-flux-1", opening.ExpectedFingerprint);
        Assert.Equal(DataType.Unspecified, _tier.TextEncoder.Script.LastRequest!.ReplyDataType);
        Assert.Equal(1, _tier.TextEncoder.Script.Calls);
        Assert.Equal([1, 20, SmallModels.TokenChannels], _tier.Vae.Script.LastRequest!.Latents.Shape);
    }

    [Fact]
    public async Task Tensors_are_sent_where_they_were_asked_for()
    {
        var plain = await _tier.GenerateAsync(Request());
        var request = Request();
        request.IncludeTensors = true;
        var full = await _tier.GenerateAsync(request);

        Assert.Null(plain[1].Encoded.HiddenStates);
        Assert.Null(plain[2].Step.Latents);
        Assert.Equal(_tier.Denoiser.Script.Opened[^1].HiddenStates, full[1].Encoded.HiddenStates);
        Assert.Equal(_tier.Denoiser.Script.Opened[^1].Pooled, full[1].Encoded.Pooled);
        var steps = full.Where(response => response.Step is not null).Select(response => response.Step).ToArray();
        var sigmas = full[0].Accepted.Settings.Sigmas;
        var (latents, velocity) = (TensorMessage.ToFloats(steps[0].Latents), TensorMessage.ToFloats(steps[0].Velocity));
        var next = TensorMessage.ToFloats(steps[1].Latents);
        Assert.All(next.Index(), item =>
            Assert.Equal(latents[item.Index] + (sigmas[1] - sigmas[0]) * velocity[item.Index], item.Item, 1e-6f));
    }

    [Fact]
    public async Task A_picture_knows_how_it_was_made()
    {
        var request = Request();
        request.Prompt = "ein Kreis — 円";

        var image = (await _tier.GenerateAsync(request)).Single(response => response.Image is not null).Image;

        var texts = PngMetadata.Read(image.Data.Span);
        Assert.Equal("image/png", image.MediaType);
        Assert.Equal(("ein Kreis — 円", "41", "3", "2.5", "small-flux"),
            (texts["prompt"], texts["seed"], texts["steps"], texts["guidance"], texts["model"]));
        Assert.StartsWith("FluxGrpc ", texts["software"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_request_gives_the_same_bytes_and_seeds_follow_one_another()
    {
        var first = Images(await _tier.GenerateAsync(Request(count: 2)));
        var again = Images(await _tier.GenerateAsync(Request(count: 2)));
        var second = Request();
        second.Seed = 42;

        Assert.Equal(first.Select(image => image.Data), again.Select(image => image.Data));
        Assert.NotEqual(first[0].Data, first[1].Data);
        Assert.Equal(first[1].Data, Images(await _tier.GenerateAsync(second)).Single().Data);
    }

    [Fact]
    public async Task A_bad_request_names_every_bad_field()
    {
        var request = new GenerateRequest { Width = 17, Steps = 0 };

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        Assert.Equal(["prompt", "width", "steps"],
            exception.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(violation => violation.Field));
        Assert.Equal(0, _tier.TextEncoder.Script.Calls);
    }

    [Fact]
    public async Task More_generations_than_allowed_are_refused_at_once()
    {
        var proceed = new TaskCompletionSource();
        _tier.Denoiser.Script.OnStep = (_, _) => proceed.Task;
        using var first = _tier.Client.Generate(Request());
        Assert.True(await first.ResponseStream.MoveNext(default));

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(new(Request()) { RequestId = "order-2" }));
        proceed.SetResult();
        while (await first.ResponseStream.MoveNext(default))
        {
        }

        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        Assert.NotNull(exception.GetRpcStatus()!.GetDetail<RetryInfo>());
        Assert.Equal("Finished", (await _tier.GenerateAsync(Request()))[^1].EventCase.ToString());
    }

    [Fact]
    public async Task A_prompt_with_another_seed_costs_no_call_of_the_text_encoder()
    {
        await _tier.GenerateAsync(Request());
        var again = await _tier.GenerateAsync(new(Request()) { Seed = 7 });
        var longer = await _tier.GenerateAsync(new(Request()) { MaxTokens = 65 });

        Assert.Equal((true, false, 2), (again[1].Encoded.Cached, longer[1].Encoded.Cached, _tier.TextEncoder.Script.Calls));
        Assert.Equal("end", again[1].Encoded.ClipUsage.DroppedText);
        var cache = (await _tier.Client.GetStatusAsync(new())).PromptCache;
        Assert.Equal((2, 1L, 2L, 256L << 20), (cache.Entries, cache.Hits, cache.Misses, cache.MaxBytes));
        Assert.InRange(cache.Bytes, 1, cache.MaxBytes);
    }

    [Fact]
    public async Task A_text_encoder_that_answers_with_another_model_is_noticed_and_nothing_is_remembered()
    {
        _tier.TextEncoder.Script.OnEncode = _ => _tier.TextEncoder.Script.Info.Component.Fingerprint = "changed";

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal((StatusCode.Unavailable, "MODEL_CHANGED"),
            (exception.StatusCode, exception.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
        Assert.Equal(0, (await _tier.Client.GetStatusAsync(new())).PromptCache.Entries);
    }

    [Fact]
    public async Task The_model_info_shows_the_services_the_defaults_and_the_limits()
    {
        var info = await _tier.Client.GetModelInfoAsync(new());

        Assert.Equal("small-flux", info.ModelName);
        Assert.Equal(SmallModels.TextEncoder(), info.TextEncoder);
        Assert.Equal(SmallModels.Denoiser(), info.Denoiser);
        Assert.Equal(SmallModels.Vae(), info.Vae);
        Assert.Equal((128, 128, 28, 3.5f, 0UL, 1, 512), (info.Defaults.Width, info.Defaults.Height, info.Defaults.Steps,
            info.Defaults.Guidance, info.Defaults.Seed, info.Defaults.Count, info.Defaults.MaxTokens));
        Assert.Equal(29, info.Defaults.Sigmas.Count);
        Assert.Equal((1, 0L), (info.Limits.MaxGenerations, info.Limits.MaxQueuedWork));
        Assert.Equal((10_000, 64, 2048, 200, 16), (info.Limits.MaxPromptLength, info.Limits.MinSide, info.Limits.MaxSide,
            info.Limits.MaxSteps, info.Limits.MaxCount));
    }

    private static GenerateRequest Request(int count = 1) => new()
    {
        Prompt = "a red circle",
        Width = 80,
        Height = 64,
        Steps = 3,
        Guidance = 2.5f,
        Seed = 41,
        Count = count,
        MaxTokens = 64,
        RequestId = "order-1",
    };

    private static List<GeneratedImage> Images(IEnumerable<GenerateResponse> events) =>
        [.. events.Where(response => response.Image is not null).Select(response => response.Image)];
}
