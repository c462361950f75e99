using FluxGrpc.Testing;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

/// <summary>Where images go: spread over the denoisers, to those that join, away from those that are not listed.</summary>
public sealed class MovingTests : IAsyncLifetime
{
    private const int Denoisers = 4;

    private readonly ScriptedTier _tier = new(Denoisers);
    private readonly TemporaryFolder _folder = new();
    private readonly SemaphoreSlim _steps = new(0);

    private string List => _folder.PathOf("denoisers");

    public Task InitializeAsync()
    {
        foreach (var denoiser in _tier.Denoisers)
            denoiser.Script.OnStep = (_, cancellation) => _steps.WaitAsync(cancellation);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _tier.DisposeAsync();
        _folder.Dispose();
        _steps.Dispose();
    }

    [Fact]
    public async Task Images_are_spread_over_the_denoisers()
    {
        await StartAsync(listed: Denoisers);
        var running = Enumerable.Range(0, 2 * Denoisers).Select(_ => _tier.GenerateAsync(Request(steps: 2))).ToList();

        await _tier.UntilAsync(status => Sessions(status).Sum() == 2 * Denoisers);

        var status = await _tier.Client.GetStatusAsync(new());
        Assert.All(Sessions(status), sessions => Assert.Equal(2, sessions));
        Assert.All(OfDenoisers(status), item => Assert.Equal(2 * 2 * Tokens, item.OutstandingWork));
        _steps.Release(1000);
        await Task.WhenAll(running);
        Assert.All(OfDenoisers(await _tier.Client.GetStatusAsync(new())), item =>
            Assert.Equal((0, 0L), (item.Sessions, item.OutstandingWork)));
    }

    [Fact]
    public async Task Denoisers_that_join_get_their_share_of_the_running_images()
    {
        await StartAsync(listed: 1);
        var running = Enumerable.Range(0, 4).Select(_ => _tier.GenerateAsync(Request(steps: 12))).ToList();
        await _tier.UntilAsync(status => Sessions(status).Sum() == 4);

        await ListAsync(2);
        _steps.Release(4 * 5); // Each stays for three steps before it may move.

        await _tier.UntilAsync(status => Sessions(status).SequenceEqual([2, 2]));
        _steps.Release(1000);
        var changes = (await Task.WhenAll(running)).SelectMany(events => events).Where(item => item.ReplicaChanged is not null)
            .Select(item => item.ReplicaChanged).ToList();
        Assert.All(changes, change => Assert.Equal(ReplicaChangeReason.Rebalanced, change.Reason));
        Assert.InRange(changes.Count, 2, 4);
        Assert.All(running, images => Assert.Equal(0, images.Result[^1].Finished.RepeatedSteps));
        Assert.Single(running.Select(images => images.Result.Single(item => item.Image is not null).Image.Data).Distinct());
    }

    [Fact]
    public async Task A_denoiser_that_is_no_longer_listed_finishes_its_step_and_is_left()
    {
        await StartAsync(listed: 2);
        var running = Enumerable.Range(0, 2).Select(_ => _tier.GenerateAsync(Request(steps: 6))).ToList();
        await _tier.UntilAsync(status => Sessions(status).SequenceEqual([1, 1]));

        await ListAsync(1);
        _steps.Release(1000);

        var changes = (await Task.WhenAll(running)).SelectMany(events => events).Where(item => item.ReplicaChanged is not null)
            .Select(item => item.ReplicaChanged);
        var change = Assert.Single(changes);
        Assert.Equal(("replica-2", "replica-1", ReplicaChangeReason.Drained), (change.FromReplicaId, change.ToReplicaId, change.Reason));
    }

    [Fact]
    public async Task A_denoiser_with_another_model_is_not_used_and_says_so()
    {
        _tier.Denoisers[1].Script.Info.Component.Fingerprint = "other-flux";
        await StartAsync(listed: 3);
        _steps.Release(1000);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _tier.GenerateAsync(Request(steps: 2))));

        Assert.Equal([true, false, true], _tier.Denoisers.Take(3).Select(denoiser => denoiser.Script.Openings > 0));
        var status = OfDenoisers(await _tier.Client.GetStatusAsync(new())).ElementAt(1);
        Assert.Equal((false, "another model: other-flux instead of small-flux-1"), (status.Ready, status.Problem));
        Assert.Equal(_tier.Denoisers[1].Address, status.Address);
    }

    [Fact]
    public async Task A_session_that_waits_at_a_full_denoiser_goes_to_one_that_joins()
    {
        _tier.Denoisers[0].Script.OnWaiting = async (responses, context) =>
        {
            await responses.WriteAsync(new DenoiseResponse { Queued = new SessionQueued { Ahead = 3 } });
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        };
        await StartAsync(listed: 1);
        _steps.Release(1000);
        var running = Enumerable.Range(0, 2).Select(_ => _tier.GenerateAsync(Request(steps: 6))).ToList();
        await _tier.UntilAsync(status => Sessions(status).SequenceEqual([2]));

        await ListAsync(2);

        Assert.Equal("replica-2", (await await Task.WhenAny(running)).First(item => item.Step is not null).Step.ReplicaId);
        _tier.Denoisers[0].Script.OnWaiting = (_, _) => Task.CompletedTask;
        await _tier.Denoisers[0].KillAsync(); // The other one is lost from the queue, and goes on as well.
        await Task.WhenAll(running);
    }

    private static long Tokens => 16 + 8;

    private async Task StartAsync(int listed)
    {
        _tier.Options.Denoiser = $"file:{List}";
        Write(listed);
        await _tier.StartAsync();
        await _tier.UntilAsync(status => OfDenoisers(status).Count() == listed && OfDenoisers(status).All(IsSettled));
    }

    private async Task ListAsync(int count)
    {
        Write(count);
        await _tier.UntilAsync(status => OfDenoisers(status).Count() == count && OfDenoisers(status).All(IsSettled));
    }

    /// <summary>Renamed over the old one, as <c>flux cluster</c> does.</summary>
    private void Write(int count)
    {
        File.WriteAllLines(List + ".new", ["# the denoisers", .. _tier.Denoisers.Take(count).Select(denoiser => denoiser.Address)]);
        File.Move(List + ".new", List, overwrite: true);
    }

    private static bool IsSettled(ComponentStatus status) =>
        status.Ready || status.Problem.StartsWith("another model", StringComparison.Ordinal);

    private static IEnumerable<ComponentStatus> OfDenoisers(GetStatusResponse status) =>
        status.Components.Where(item => item.Component == "denoiser");

    private static IEnumerable<int> Sessions(GetStatusResponse status) => OfDenoisers(status).Select(item => item.Sessions);

    private static GenerateRequest Request(int steps) => new()
    {
        Prompt = "a red circle",
        Width = 64,
        Height = 64,
        Steps = steps,
        Seed = 5,
        MaxTokens = 8,
        Guidance = 3,
    };
}
