using FluxGrpc.ChaosTests.History;
using FluxGrpc.ChaosTests.Tiers;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.ChaosTests.RollingUpdates;

/// <summary>A new version of the denoisers comes while images are being made all the time.</summary>
public sealed class RollingUpdateTests(ITestOutputHelper output)
{
    private const int Seed = 20_261_128;
    private const int Denoisers = 3;
    private const int Images = 6;
    private const int Clients = 6;

    [Fact]
    public async Task Every_denoiser_is_replaced_under_load_and_every_image_has_the_bytes_of_its_twin()
    {
        using var folder = new TemporaryFolder();
        using var timeline = new Timeline(folder.PathOf("timeline"), TimeProvider.System);
        var list = new ReplicaList(folder.PathOf("denoisers"));
        await using var tier = await ProcessTier.StartAsync(Denoisers, denoisers =>
        {
            list.Write(denoisers);
            return list.Target;
        });
        await using var rollout = new Rollout(tier, list, timeline);
        var orders = TrafficPlan.Draw(Seed, Images);
        var twins = await new TrafficRun(tier.Client, timeline, "twin").RunAsync(orders, inFlight: 1, Task.CompletedTask);

        var updated = rollout.RunAsync();
        var deliveries = await new TrafficRun(tier.Client, timeline, "update").RunAsync(orders, Clients, needed: updated);
        output.WriteLine(await File.ReadAllTextAsync(folder.PathOf("timeline")));

        Assert.All(deliveries, delivery =>
        {
            Assert.Null(delivery.Failure);
            Assert.Equal(Assert.Single(twins[delivery.Order.Number].Files), Assert.Single(delivery.Files));
        });
        await updated;
        Assert.All(tier.Denoisers, denoiser => Assert.Equal(0, denoiser.Process.ExitCode));
        Assert.Contains(deliveries.SelectMany(delivery => delivery.ReplicaChanges),
            change => change.Reason == ReplicaChangeReason.Drained); // Images were in hand where one was told to stop.
        var status = await tier.IdleStatusAsync();
        Assert.Equal(rollout.Replacements.Select(denoiser => denoiser.Address).Order(),
            status.Components.Where(item => item.Component == "denoiser").Select(item => item.Address).Order());
    }
}
