using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>The images of one request that are made side by side.</summary>
public sealed class SideBySideTests
{
    private const int Images = 6;

    [Fact]
    public async Task Denoisers_that_do_not_batch_take_an_image_each()
    {
        await using var tier = new ScriptedTier(denoisers: 3);
        await tier.StartAsync();
        var gate = new Gate(tier);
        var request = tier.GenerateAsync(Request());

        await gate.ReachedByAsync(3);

        Assert.Equal([1, 1, 1], tier.Denoisers.Select(denoiser => denoiser.Script.OpenSessions));
        gate.Open();
        AssertWhole(await request);
        Assert.Equal(3, gate.MostAtOnce);
    }

    [Theory]
    [InlineData(8, 16_384, 64, 8, 4)] // The option's.
    [InlineData(3, 16_384, 64, 8, 3)] // One pass has no more.
    [InlineData(8, 100, 64, 8, 3)] // 28 tokens each: nor has it more tokens.
    [InlineData(1, 16_384, 64, 8, 1)] // Each step has a pass of its own.
    [InlineData(0, 0, 64, 8, 1)] // An older denoiser, which does not say.
    [InlineData(8, 16_384, 512, 512, 2)] // 1,536 tokens each.
    [InlineData(8, 16_384, 1024, 512, 1)] // 4,608: a pass of one is large enough.
    public async Task A_denoiser_that_batches_takes_several_where_they_are_small(
        int batch, int tokens, int side, int textTokens, int expected)
    {
        await using var tier = new ScriptedTier();
        Batches(tier, batch, tokens);
        await tier.StartAsync();
        var gate = new Gate(tier);
        var request = tier.GenerateAsync(
            new GenerateRequest(Request()) { Width = side == 64 ? 80 : side, Height = side, MaxTokens = textTokens });

        await gate.ReachedByAsync(expected);

        gate.Open();
        AssertWhole(await request);
        Assert.Equal(expected, gate.MostAtOnce);
    }

    [Fact]
    public async Task By_default_four_are_taken_where_it_does_not_show_in_their_bytes()
    {
        await using var tier = new ScriptedTier();
        Batches(tier, 8, 16_384);
        tier.Options.ImagesPerDenoiser = 0;
        tier.Denoiser.Script.Info.BatchInvariant = true;
        await tier.StartAsync();
        var gate = new Gate(tier);
        var request = tier.GenerateAsync(Request());

        await gate.ReachedByAsync(4);

        gate.Open();
        AssertWhole(await request);
        Assert.Equal(4, gate.MostAtOnce);
    }

    [Theory]
    [InlineData(0, false)] // By default.
    [InlineData(1, true)]
    public async Task One_is_taken_where_it_shows_and_where_the_option_says_so(int most, bool batchInvariant)
    {
        await using var tier = new ScriptedTier();
        Batches(tier, 8, 16_384);
        tier.Options.ImagesPerDenoiser = most;
        tier.Denoiser.Script.Info.BatchInvariant = batchInvariant;
        await tier.StartAsync();

        var events = await tier.GenerateAsync(Request());

        AssertInTurn(events);
    }

    [Fact]
    public async Task Images_with_a_negative_prompt_have_two_sessions_each()
    {
        await using var tier = new ScriptedTier();
        Batches(tier, 4, 16_384);
        await tier.StartAsync();
        var gate = new Gate(tier);
        var request = tier.GenerateAsync(new GenerateRequest(Request()) { NegativePrompt = "rain" });

        await gate.ReachedByAsync(4);

        gate.Open();
        AssertWhole(await request);
        Assert.Equal(4, gate.MostAtOnce);
    }

    [Fact]
    public async Task Pictures_that_are_drawn_at_the_same_time_come_in_the_order_of_their_images()
    {
        const int Together = 4;
        await using var tier = new ScriptedTier();
        Batches(tier, 8, 16_384);
        await tier.StartAsync();
        var drawn = Enumerable.Range(0, Together + 1).Select(_ => new TaskCompletionSource()).ToArray();
        var begun = 0;
        tier.Vae.Script.OnDecode = _ =>
        {
            var place = Interlocked.Increment(ref begun); // The last to begin is done first.
            if (place == Together)
                drawn[place].SetResult();
            Assert.True(drawn[place].Task.Wait(TimeSpan.FromMinutes(1)));
            drawn[place - 1].SetResult();
        };

        var events = await tier.GenerateAsync(new GenerateRequest(Request()) { Count = Together });

        Assert.Equal(Enumerable.Range(0, Together), events.Select(happened => happened.Image?.ImageIndex).OfType<int>());
    }

    [Fact]
    public async Task Recordings_are_of_one_image_after_another()
    {
        await using var tier = new ScriptedTier(denoisers: 2);
        Batches(tier, 8, 16_384);
        await tier.StartAsync();

        var events = await tier.GenerateAsync(new GenerateRequest(Request()) { IncludeTensors = true });

        AssertInTurn(events);
    }

    [Fact]
    public async Task An_image_that_fails_ends_the_others()
    {
        await using var tier = new ScriptedTier();
        Batches(tier, 8, 16_384);
        await tier.StartAsync();
        var openings = 0;
        var allAreOpen = new TaskCompletionSource();
        tier.Denoiser.Script.OnStep = async (step, cancellation) =>
        {
            if (Interlocked.Increment(ref openings) == 4)
                allAreOpen.SetResult();
            await allAreOpen.Task;
            if (step.Index == 1)
                throw new RpcException(new Status(StatusCode.InvalidArgument, "no such latents"));
            if (openings > 4)
                await Task.Delay(Timeout.Infinite, cancellation);
        };

        await Assert.ThrowsAsync<RpcException>(() => tier.GenerateAsync(Request()));

        await tier.UntilAsync(status => status.Generations == 0);
        Assert.Equal(0, tier.Denoiser.Script.OpenSessions);
    }

    [Fact]
    public async Task A_caller_that_leaves_frees_all_of_their_places()
    {
        await using var tier = new ScriptedTier(denoisers: 2);
        await tier.StartAsync();
        var gate = new Gate(tier);
        using var leave = new CancellationTokenSource();
        var request = tier.GenerateAsync(Request(), leave.Token);
        await gate.ReachedByAsync(2);

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => request);
        await tier.UntilAsync(status => status is { Generations: 0, Components: var parts } && parts.All(part => part.Sessions == 0));
        Assert.All(tier.Denoisers, denoiser => Assert.Equal(0, denoiser.Script.OpenSessions));
    }

    [Fact]
    public async Task All_images_of_a_batch_request_pause_and_its_places_are_told_once()
    {
        await using var tier = new ScriptedTier();
        Batches(tier, 8, 16_384);
        tier.Options.MaxGenerations = 1;
        await tier.StartAsync();
        var gate = new Gate(tier);
        var batch = tier.GenerateAsync(new GenerateRequest(Request()) { Priority = Priority.Batch });
        await gate.ReachedByAsync(4);
        var interactive = tier.GenerateAsync(new GenerateRequest(Request()) { Count = 1, RequestId = "interactive" });
        await tier.UntilAsync(status => status.Waiting == 1);

        gate.Open();

        AssertWhole(await interactive, images: 1);
        var events = await batch;
        AssertWhole(events);
        Assert.Equal([0], events.Where(happened => happened.Queued is not null).Select(happened => happened.Queued.Ahead));
        var steps = tier.Denoiser.Script.Steps.Select(step => step.Session.EndsWith("/interactive", StringComparison.Ordinal)).ToList();
        var first = steps.IndexOf(true);
        Assert.Equal([true, true], steps.GetRange(first, 2)); // Nothing of the batch request between them.
        await tier.UntilAsync(status => status is { Generations: 0, Waiting: 0, QueuedWork: 0 });
    }

    private static void Batches(ScriptedTier tier, int size, int tokens)
    {
        tier.Options.ImagesPerDenoiser = 4;
        foreach (var denoiser in tier.Denoisers)
            (denoiser.Script.Info.MaxBatchSize, denoiser.Script.Info.MaxBatchTokens) = (size, tokens);
    }

    /// <summary>No image has an event before the one ahead is there.</summary>
    private static void AssertInTurn(List<GenerateResponse> events) => Assert.Equal(
        Enumerable.Range(0, Images).SelectMany(image => new[] { image, image, image }),
        events.Select(happened => happened.Step?.ImageIndex ?? happened.Image?.ImageIndex).OfType<int>());

    /// <summary>Each image has its steps in order, and then comes itself, with the seed of its place.</summary>
    private static void AssertWhole(List<GenerateResponse> events, int images = Images)
    {
        for (var image = 0; image < images; image++)
        {
            var own = events.Where(happened => (happened.Step?.ImageIndex ?? happened.Image?.ImageIndex) == image).ToList();
            Assert.Equal([0, 1, -1], own.Select(happened => happened.Step?.StepIndex ?? -1));
            Assert.Equal(41UL + (ulong)image, own[^1].Image.Seed);
        }

        Assert.NotNull(events[^1].Finished);
    }

    private static GenerateRequest Request() => new()
    {
        Prompt = "a red circle",
        Width = 80,
        Height = 64,
        Steps = 2,
        Seed = 41,
        MaxTokens = 8,
        Count = Images,
    };

    /// <summary>Where the first steps stop until it opens.</summary>
    private sealed class Gate
    {
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ScriptedTier _tier;

        public Gate(ScriptedTier tier)
        {
            _tier = tier;
            foreach (var denoiser in tier.Denoisers)
                denoiser.Script.OnStep = (_, cancellation) => StopAsync(cancellation);
        }

        public int MostAtOnce { get; private set; }

        public void Open() => _open.SetResult();

        public async Task ReachedByAsync(int steps)
        {
            using var timeout = new CancellationTokenSource(ScriptedTier.Patience);
            while (Steps < steps)
                await Task.Delay(1, timeout.Token);
            await Task.Delay(100, timeout.Token); // Time for one too many.
            Assert.Equal(steps, Steps);
        }

        private int Steps => _tier.Denoisers.Sum(denoiser => denoiser.Script.Steps.Count);

        private async Task StopAsync(CancellationToken cancellation)
        {
            lock (_tier)
                MostAtOnce = Math.Max(MostAtOnce, _tier.Denoisers.Sum(denoiser => denoiser.Script.OpenSessions));
            await _open.Task.WaitAsync(cancellation);
        }
    }
}
