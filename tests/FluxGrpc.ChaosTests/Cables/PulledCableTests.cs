using FluxGrpc.ChaosTests.Tiers;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.ChaosTests.Cables;

/// <summary>Denoisers on hosts of their own, and a host that cannot be reached any more though nothing was closed.</summary>
public sealed class PulledCableTests(ITestOutputHelper output)
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(4);

    /// <summary>
    /// Beyond the step timeout: the step that was still answered, the new session's opening, a loaded machine. Keep-alive pings,
    /// which would notice too, take 30 s.
    /// </summary>
    private static readonly TimeSpan _allowance = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task The_stall_is_noticed_within_the_step_timeout_and_the_image_is_finished_elsewhere()
    {
        await using var cables = new CablePair();
        Member[] denoisers = [.. cables.All.Index().Select(
            cable => ProcessTier.Denoiser(cable.Index + 1, cable.Item.ListenAddress, cable.Item.Wrapper))];
        await using var tier = await ProcessTier.StartAsync(denoisers, started =>
            string.Join(',', started.Zip(cables.All, (denoiser, cable) => cable.AddressForCallers(denoiser.Address))));
        output.WriteLine(string.Join("; ", cables.All.Select(cable => cable.Description)));
        var order = new Order(0, "a green ring on yellow", 128, 128, Steps: 100, Seed: 5, Priority.Interactive);
        var twin = await Delivery.OrderAsync(tier.Client, order, "twin", _patience);
        var stepTimeout = StepTimeout.For(twin);
        await tier.RestartOrchestratorAsync(stepTimeout);

        ICable? pulled = null;
        long pulledAt = 0;
        var noticed = TimeSpan.MaxValue;
        var delivery = await Delivery.OrderAsync(tier.Client, order, "pulled", _patience, happened =>
        {
            if (happened.Step?.StepIndex == order.Steps / 4)
            {
                pulled = cables.All[Array.FindIndex(denoisers, denoiser => denoiser.IsReplica(happened.Step.ReplicaId))];
                pulled.Pull();
                pulledAt = TimeProvider.System.GetTimestamp();
            }

            if (happened.ReplicaChanged is not null && pulled is not null)
                noticed = TimeProvider.System.GetElapsedTime(pulledAt);
        });

        Assert.Null(delivery.Failure);
        Assert.Equal(Assert.Single(twin.Files), Assert.Single(delivery.Files));
        Assert.Equal(ReplicaChangeReason.Lost, Assert.Single(delivery.ReplicaChanges).Reason);
        output.WriteLine($"The image went on elsewhere after {noticed.TotalSeconds:F1} s; step timeout {stepTimeout.TotalSeconds} s");
        Assert.InRange(noticed, TimeSpan.Zero, stepTimeout + _allowance);
        Assert.Equal(1, delivery.Finished!.RepeatedSteps);

        pulled!.PlugIn();
        await tier.IdleLoadsAsync();
        await tier.IdleStatusAsync();
    }

    /// <summary>Two cables that are removed however the test ends.</summary>
    private sealed class CablePair : IAsyncDisposable
    {
        public IReadOnlyList<ICable> All { get; } = [CableFactory.Create(0), CableFactory.Create(1)];

        public async ValueTask DisposeAsync()
        {
            foreach (var cable in All)
                await cable.DisposeAsync();
        }
    }
}
