using FluxGrpc.ChaosTests.Tiers;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ChaosTests.Outages;

/// <summary>A whole kind of service is gone for a while.</summary>
public sealed class OutageTests(OutageTests.TierFixture fixture) : IClassFixture<OutageTests.TierFixture>, IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(4);
    // Of ten seconds the orchestrator keeps one to answer in; of four it would be 0.4, too few beside other tests on the same cores.
    private static readonly TimeSpan _shortDeadline = TimeSpan.FromSeconds(10);

    private ProcessTier Tier => fixture.Tier;

    /// <summary>A test that failed must not fail the next one.</summary>
    public async Task InitializeAsync() =>
        await Task.WhenAll(Tier.Members.Where(member => member.State == MemberState.Down).Select(member => member.StartAsync()));

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Without_a_denoiser_a_request_waits_until_its_deadline_and_one_without_haste_until_there_is_one()
    {
        var order = Order(seed: 1);
        var twin = await OrderAsync(order, "twin");
        await Task.WhenAll(Tier.Denoisers.Select(denoiser => denoiser.KillAsync()));

        var patient = OrderAsync(order, "patient");
        var started = TimeProvider.System.GetTimestamp();
        var hasty = await Delivery.OrderAsync(Tier.Client, order, "hasty", _shortDeadline);
        var waited = TimeProvider.System.GetElapsedTime(started);
        Assert.False(patient.IsCompleted);
        await Tier.Denoisers[0].StartAsync();
        var delivered = await patient;
        await Tier.Denoisers[1].StartAsync();

        Assert.Equal(StatusCode.Unavailable, hasty.Failure?.StatusCode);
        Assert.Contains("denoiser", hasty.Failure!.Status.Detail, StringComparison.Ordinal);
        Assert.InRange(waited, _shortDeadline / 2, _shortDeadline * 2); // It waited rather than to give up at once.
        AssertSameImage(twin, delivered);
        await AssertIdleAsync();
    }

    [Fact]
    public async Task Without_a_VAE_the_finished_latents_are_kept_and_decoded_when_it_returns()
    {
        var order = Order(seed: 2);
        var twin = await OrderAsync(order, "twin");
        var answered = await StepsAnsweredAsync();

        var killed = Task.CompletedTask;
        var allSteps = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var pending = OrderAsync(order, "vae-down", happened =>
        {
            if (happened.Step?.StepIndex == 0)
                killed = Tier.Vae.KillAsync();
            if (happened.Step?.StepIndex == order.Steps - 1)
                allSteps.SetResult();
        });
        await Task.WhenAny(allSteps.Task, pending);
        await killed;
        Assert.False(pending.IsCompleted);
        await Tier.Vae.StartAsync();

        AssertSameImage(twin, await pending);
        Assert.Equal(answered + order.Steps, await StepsAnsweredAsync()); // No step was done again.
        await AssertIdleAsync();
    }

    [Fact]
    public async Task Without_a_text_encoder_images_in_hand_go_on_and_new_prompts_wait_until_it_returns()
    {
        var (first, second) = (Order(seed: 3), Order(seed: 4) with { Prompt = "a purple star on orange" });
        var twin = await OrderAsync(first, "twin");

        var killed = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        var inHand = OrderAsync(first, "in-hand", happened =>
        {
            if (happened.Step?.StepIndex == 0)
                killed.SetResult(Tier.TextEncoder.KillAsync());
        });
        await await killed.Task.WaitAsync(_patience);
        var fresh = OrderAsync(second, "new-prompt");
        AssertSameImage(twin, await inHand);
        Assert.False(fresh.IsCompleted);
        await Tier.TextEncoder.StartAsync();

        AssertSameImage(await fresh, await OrderAsync(second, "again"));
        await AssertIdleAsync();
    }

    private static Order Order(ulong seed) => new(0, "a red circle on blue", 128, 128, Steps: 16, seed, Priority.Interactive);

    private static void AssertSameImage(Delivery twin, Delivery delivery)
    {
        Assert.Null(twin.Failure);
        Assert.Null(delivery.Failure);
        Assert.Equal(Assert.Single(twin.Files), Assert.Single(delivery.Files));
    }

    private Task<Delivery> OrderAsync(Order order, string run, Action<GenerateResponse>? onEvent = null) =>
        Delivery.OrderAsync(Tier.Client, order, run, _patience, onEvent);

    private async Task<long> StepsAnsweredAsync() => (await Tier.IdleLoadsAsync()).Sum(load => load.StepsDone);

    private async Task AssertIdleAsync()
    {
        await Tier.IdleLoadsAsync();
        Assert.All((await Tier.IdleStatusAsync()).Components, component => Assert.Equal(0, component.OutstandingWork));
    }

    /// <summary>A tier of two denoisers.</summary>
    public sealed class TierFixture : IAsyncLifetime
    {
        private ProcessTier? _tier;

        internal ProcessTier Tier => _tier!;

        public async Task InitializeAsync() => _tier = await ProcessTier.StartAsync(denoisers: 2);

        public async Task DisposeAsync()
        {
            if (_tier is not null)
                await _tier.DisposeAsync();
        }
    }
}
