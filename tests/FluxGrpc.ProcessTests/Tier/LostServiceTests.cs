using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Tier;

/// <summary>Services that die, freeze, stop and come back while images are made: real processes, real signals.</summary>
public sealed class LostServiceTests(TierFixture tier) : IClassFixture<TierFixture>
{
    [Fact]
    public async Task An_image_outlives_the_kill_9_of_its_denoiser()
    {
        var killed = "";
        var events = await tier.GenerateAsync(TierFixture.Request(), step => tier[killed = step.ReplicaId].KillAsync());
        await RestartAsync(killed);

        AssertMoved(events, killed, ReplicaChangeReason.Lost, mostRepeated: 1);
    }

    [Fact]
    public async Task Images_of_one_request_are_at_both_denoisers_and_outlive_the_kill_9_of_one()
    {
        var request = TierFixture.Request();
        request.Seed++;
        var second = TierFixture.Image(await tier.GenerateAsync(request));
        (request.Seed, request.Count) = (tier.Undisturbed.Seed, 2);
        var killed = "";

        var events = await tier.GenerateAsync(
            request, step => step.ImageIndex == 1 ? tier[killed = step.ReplicaId].KillAsync() : Task.CompletedTask);
        await RestartAsync(killed);

        var firstSteps = events.Where(item => item.Step is { StepIndex: 0 }).Select(item => item.Step.ReplicaId);
        Assert.Equal(TierFixture.Denoisers, firstSteps.Order());
        var images = events.Where(item => item.Image is not null).Select(item => item.Image).OrderBy(image => image.ImageIndex);
        Assert.Equal([tier.Undisturbed.Data, second.Data], images.Select(image => image.Data));
        var change = Assert.Single(events, item => item.ReplicaChanged is not null).ReplicaChanged;
        Assert.Equal((1, killed), (change.ImageIndex, change.FromReplicaId));
    }

    [Fact]
    public async Task An_image_outlives_a_denoiser_that_freezes_within_the_step_timeout()
    {
        var frozen = "";
        var events = await tier.GenerateAsync(TierFixture.Request(), step =>
        {
            tier[frozen = step.ReplicaId].Freeze();
            return Task.CompletedTask;
        });

        var components = (await tier.Orchestrator.GetStatusAsync(new())).Components;
        tier[frozen].Thaw(); // It is found to be well, and used again.
        await tier.UntilAsync(status => status.Components.All(item => item.Ready));

        AssertMoved(events, frozen, ReplicaChangeReason.Lost, mostRepeated: 1);
        var first = events.First(item => item.Step?.ReplicaId is { } replica && replica != frozen).Step;
        Assert.InRange(first.Elapsed.ToTimeSpan(), TimeSpan.Zero, 3 * TierFixture.StepTimeout); // Slow machines have slow steps.
        Assert.Contains(components, item =>
            item is { Component: "denoiser", Ready: false } && item.Address == tier.AddressOf(frozen));
    }

    [Fact]
    public async Task An_image_moves_from_a_denoiser_that_is_told_to_stop()
    {
        var stopped = "";
        var ending = Task.CompletedTask;
        var events = await tier.GenerateAsync(TierFixture.Request(), step =>
        {
            ending = tier[stopped = step.ReplicaId].TerminateAsync();
            return Task.CompletedTask;
        });

        await ending;
        var exitCode = tier[stopped].ExitCode;
        await RestartAsync(stopped);

        Assert.Equal(0, exitCode);
        AssertMoved(events, stopped, reason: null, mostRepeated: 1);
    }

    [Fact]
    public async Task An_image_waits_while_every_denoiser_is_down_and_so_do_new_ones()
    {
        var running = tier.GenerateAsync(TierFixture.Request(), _ =>
            Task.WhenAll(TierFixture.Denoisers.Select(name => tier[name].KillAsync())));
        await tier.UntilAsync(status => status.Components.Count(item => !item.Ready) == 2);
        var waiting = tier.GenerateAsync(TierFixture.Request());
        using var hasty = tier.Orchestrator.Generate(
            TierFixture.Request(), deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(5));

        var exception = await Assert.ThrowsAsync<RpcException>(() => hasty.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);
        Assert.Contains("denoiser is not there", exception.Status.Detail, StringComparison.Ordinal);
        Assert.False(running.IsCompleted || waiting.IsCompleted);
        await RestartAsync(TierFixture.Denoisers[1]);

        foreach (var events in new[] { await running, await waiting })
            Assert.Equal(tier.Undisturbed.Data, TierFixture.Image(events).Data);
        await RestartAsync(TierFixture.Denoisers[0]);
    }

    [Fact]
    public async Task Finished_latents_wait_for_the_VAE()
    {
        var running = tier.GenerateAsync(TierFixture.Request(), _ => tier["vae"].KillAsync());
        await tier.UntilAsync(status => status.Components.Count(item => !item.Ready) == 1);
        await tier.UntilAsync(status => status.Components.Sum(item => item.Sessions) == 0);
        Assert.False(running.IsCompleted);

        await RestartAsync("vae");

        Assert.Equal(tier.Undisturbed.Data, TierFixture.Image(await running).Data);
    }

    [Fact]
    public async Task A_denoiser_that_is_added_to_the_list_gets_running_images()
    {
        tier.ListDenoisers(TierFixture.Denoisers.Take(1));
        await tier.UntilAsync(status => status.Components.Count == 3);
        using var cancellation = new CancellationTokenSource();
        var request = TierFixture.Request(steps: 200);
        (request.Width, request.Height) = (512, 512); // None may be done before the new one has been found.
        var calls = Enumerable.Range(0, 4).Select(_ =>
            tier.Orchestrator.Generate(request, cancellationToken: cancellation.Token)).ToList();
        await tier.UntilAsync(status => status.Components.Sum(item => item.Sessions) == 4);

        tier.ListDenoisers(TierFixture.Denoisers);

        await tier.UntilAsync(status => status.Components.Where(item => item.Component == "denoiser")
            .Select(item => item.Sessions).SequenceEqual([2, 2]));
        await cancellation.CancelAsync();
        foreach (var call in calls)
            call.Dispose();
        await tier.UntilAsync(status => status.Components.Sum(item => item.Load?.Sessions ?? 0) == 0);
    }

    [Fact]
    public async Task Denoisers_are_found_by_a_DNS_name()
    {
        await using var denoiser = await ServiceProcess.StartAsync(new ProgramStart("FluxGrpc.Denoiser", "--address", "http://127.0.0.1:0",
            "--checkpoint", RealServicesFixture.Checkpoint, "--device", "cpu", "--dtype", "float32")
        {
            Environment = TierFixture.OneThread,
        });
        await denoiser.WaitUntilServingAsync();
        await using var orchestrator = await tier.StartOrchestratorAsync($"dns:///localhost:{new Uri(denoiser.Address).Port}");
        using var call = new ImageGenerationService.ImageGenerationServiceClient(orchestrator.Channel).Generate(TierFixture.Request());

        var events = new List<GenerateResponse>();
        await foreach (var item in call.ResponseStream.ReadAllAsync())
            events.Add(item);

        Assert.Equal(tier.Undisturbed.Data, TierFixture.Image(events).Data);
    }

    private void AssertMoved(List<GenerateResponse> events, string from, ReplicaChangeReason? reason, int mostRepeated)
    {
        Assert.Equal(tier.Undisturbed.Data, TierFixture.Image(events).Data);
        var change = Assert.Single(events, item => item.ReplicaChanged is not null).ReplicaChanged;
        Assert.Equal((from, TierFixture.Denoisers.Single(name => name != from)), (change.FromReplicaId, change.ToReplicaId));
        Assert.Equal(reason ?? change.Reason, change.Reason);
        var finished = events[^1].Finished;
        Assert.Equal(1, finished.ReplicaChanges);
        Assert.InRange(finished.RepeatedSteps, 0, mostRepeated);
    }

    private async Task RestartAsync(string name)
    {
        await tier[name].DisposeAsync();
        await tier.StartAsync(name);
        await tier.UntilAsync(status => status.Components.Any(item => item.Ready && item.Address == tier.AddressOf(name)));
    }
}
