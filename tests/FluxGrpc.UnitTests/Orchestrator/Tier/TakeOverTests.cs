using FluxGrpc.Tensors;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

/// <summary>An image whose denoiser is lost, or stops, goes on at another and comes out the same.</summary>
public sealed class TakeOverTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new(denoisers: 2);
    private ByteString _undisturbed = ByteString.Empty;

    public async Task InitializeAsync()
    {
        _tier.Options.StepTimeoutSeconds = 1;
        await _tier.StartAsync();
        await _tier.UntilAsync(status => status.Components.All(item => item.Ready));
        _undisturbed = Image(await _tier.GenerateAsync(Request()));
    }

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task A_killed_denoiser_costs_one_step()
    {
        var killing = Task.CompletedTask;
        AtStep(2, (denoiser, _, context) =>
        {
            killing = Task.Run(denoiser.KillAsync);
            return Task.Delay(Timeout.Infinite, context.CancellationToken);
        });

        var events = await _tier.GenerateAsync(Request());
        await killing;

        AssertMoved(events, ReplicaChangeReason.Lost, step: 2, repeated: 1);
    }

    [Fact]
    public async Task A_denoiser_that_falls_silent_is_noticed_by_the_step_s_timeout()
    {
        AtStep(1, (_, _, context) => Task.Delay(Timeout.Infinite, context.CancellationToken));

        var events = await _tier.GenerateAsync(Request());

        AssertMoved(events, ReplicaChangeReason.Lost, step: 1, repeated: 1);
    }

    [Fact]
    public async Task A_denoiser_that_refuses_a_step_costs_that_step()
    {
        AtStep(1, (_, _, _) => throw RpcErrors.Unavailable("BROKEN", "no", TimeSpan.FromSeconds(1)));

        var events = await _tier.GenerateAsync(Request());

        AssertMoved(events, ReplicaChangeReason.Lost, step: 1, repeated: 1);
    }

    [Fact]
    public async Task A_drain_notice_with_a_step_moves_the_next_one()
    {
        AtStep(1, (_, responses, _) => responses.WriteAsync(Drain()));

        var events = await _tier.GenerateAsync(Request());

        AssertMoved(events, ReplicaChangeReason.Drained, step: 2, repeated: 0);
    }

    [Fact]
    public async Task A_drain_notice_before_the_acceptance_sends_the_session_elsewhere()
    {
        foreach (var denoiser in _tier.Denoisers)
        {
            denoiser.Script.OnWaiting = async (responses, context) =>
            {
                foreach (var other in _tier.Denoisers)
                    other.Script.OnWaiting = (_, _) => Task.CompletedTask;
                await responses.WriteAsync(Drain());
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            };
        }

        var events = await _tier.GenerateAsync(Request());

        Assert.Equal(_undisturbed, Image(events));
        Assert.Equal((0, 0), (events[^1].Finished.ReplicaChanges, events[^1].Finished.RepeatedSteps));
        Assert.Equal(3, _tier.Denoisers.Sum(denoiser => denoiser.Script.Openings)); // The undisturbed one, the refused one, this one.
    }

    [Fact]
    public async Task A_full_denoiser_is_passed_over()
    {
        _tier.Denoisers[0].Script.OnOpen = _ => throw RpcErrors.ResourceExhausted("FULL", "full", TimeSpan.FromHours(1));

        foreach (var _ in Enumerable.Range(0, 3))
            Assert.Equal(_undisturbed, Image(await _tier.GenerateAsync(Request())));

        Assert.InRange(_tier.Denoisers[0].Script.Openings, 0, 2); // Before, and once to be told to stay away.
    }

    [Fact]
    public async Task An_image_waits_while_no_denoiser_is_there()
    {
        var stopping = Task.CompletedTask;
        AtStep(2, (denoiser, _, context) =>
        {
            // The idle one first: killed at the same time, it might take the image over and finish it before it dies.
            stopping = Task.Run(async () =>
            {
                await _tier.Denoisers.Single(other => other != denoiser).KillAsync();
                await denoiser.KillAsync();
            });
            return Task.Delay(Timeout.Infinite, context.CancellationToken);
        });
        var generating = _tier.GenerateAsync(Request());
        await _tier.UntilAsync(status => status.Components.Count(item => !item.Ready) == 2);
        await stopping;

        Assert.False(generating.IsCompleted);
        await _tier.Denoisers[1].StartAsync();

        var events = await generating;
        Assert.Equal(_undisturbed, Image(events));
        Assert.Equal(1, events[^1].Finished.RepeatedSteps);
    }

    [Fact]
    public async Task Finished_latents_are_kept_until_the_VAE_is_back()
    {
        var stopping = Task.CompletedTask;
        AtStep(2, async (_, _, _) =>
        {
            stopping = _tier.Vae.KillAsync();
            await stopping;
        });
        var generating = _tier.GenerateAsync(Request());
        await _tier.UntilAsync(status => status.Components.Count(item => !item.Ready) == 1);
        await stopping;

        Assert.False(generating.IsCompleted);
        await _tier.Vae.StartAsync();

        Assert.Equal(_undisturbed, Image(await generating));
    }

    /// <summary>Runs once, at the first denoiser that a step of an index comes to.</summary>
    private void AtStep(int index,
        Func<ScriptedService<ScriptedDenoiser>, IServerStreamWriter<DenoiseResponse>, ServerCallContext, Task> happens)
    {
        var hasHappened = 0;
        foreach (var denoiser in _tier.Denoisers)
        {
            denoiser.Script.OnStepOf = (step, responses, context) =>
                step.Index == index && Interlocked.Exchange(ref hasHappened, 1) == 0
                    ? happens(denoiser, responses, context)
                    : Task.CompletedTask;
        }
    }

    private void AssertMoved(List<GenerateResponse> events, ReplicaChangeReason reason, int step, int repeated)
    {
        Assert.Equal(_undisturbed, Image(events));
        var change = Assert.Single(events, item => item.ReplicaChanged is not null).ReplicaChanged;
        Assert.Equal((0, step, reason), (change.ImageIndex, change.StepIndex, change.Reason));
        var replicas = events.Where(item => item.Step is not null).Select(item => item.Step.ReplicaId).ToList();
        Assert.All(replicas.Take(step), replica => Assert.Equal(change.FromReplicaId, replica));
        Assert.All(replicas.Skip(step), replica => Assert.Equal(change.ToReplicaId, replica));
        Assert.NotEqual(change.FromReplicaId, change.ToReplicaId);
        Assert.Equal((1, repeated), (events[^1].Finished.ReplicaChanges, events[^1].Finished.RepeatedSteps));
        var opened = _tier.Denoisers.Single(denoiser => denoiser.Script.Info.ReplicaId == change.ToReplicaId).Script.Opened[^1];
        Assert.Equal(step, opened.FirstStepIndex);
    }

    private static DenoiseResponse Drain() =>
        new() { DrainNotice = new DrainNotice { Grace = TimeSpan.FromSeconds(5).ToDuration() } };

    private static ByteString Image(IEnumerable<GenerateResponse> events) => events.Single(item => item.Image is not null).Image.Data;

    private static GenerateRequest Request() => new()
    {
        Prompt = "a red circle",
        Width = 64,
        Height = 64,
        Steps = 4,
        Seed = 5,
        MaxTokens = 8,
        Guidance = 3,
    };
}
