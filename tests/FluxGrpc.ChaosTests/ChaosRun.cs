using FluxGrpc.ChaosTests.Faults;
using FluxGrpc.ChaosTests.History;
using FluxGrpc.ChaosTests.Tiers;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests;

/// <summary>One run: the orders on a quiet tier, one by one; the same orders under faults, several at a time; then the check.</summary>
internal sealed class ChaosRun(ChaosOptions options) : IDisposable
{
    private const int Denoisers = 3;

    private readonly RunReport _report = new(options);
    private RunHistory? _history;

    /// <summary>Carries the run out.</summary>
    /// <param name="write">Gets a summary.</param>
    /// <returns>What was wrong, one line each, the last one naming the report's folder; empty where all was well.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(Action<string> write)
    {
        await using var tier = await ProcessTier.StartAsync(Denoisers);
        IReadOnlyList<string> violations;
        try
        {
            _history = await MakeHistoryAsync(tier);
            violations = [.. HistoryCheck.Violations(_history), .. await tier.StopAsync()];
            write(Summary(_history));
        }
        catch (Exception exception)
        {
            // Whatever it was, the report has to tell it with the timeline and the logs.
            violations = [exception.ToString()];
        }

        if (violations.Count > 0)
            return [.. violations, $"Report: {_report.Keep(violations, tier, _history)}"];
        _report.Discard();
        return [];
    }

    /// <inheritdoc/>
    public void Dispose() => _report.Dispose();

    private async Task<RunHistory> MakeHistoryAsync(ProcessTier tier)
    {
        var orders = TrafficPlan.Draw(options.Seed, options.Images);
        var twins = await new TrafficRun(tier.Client, _report.Timeline, "twin").RunAsync(orders, inFlight: 1, Task.CompletedTask);
        var before = await tier.IdleLoadsAsync();

        var stepTimeout = StepTimeout.For(twins);
        _report.Timeline.Add($"step timeout {stepTimeout.TotalSeconds} s");
        await tier.RestartOrchestratorAsync(stepTimeout);
        var plan = FaultPlan.Draw(options.Seed, options.Faults, Denoisers, orders.Sum(order => order.Steps), stepTimeout);

        var traffic = new TrafficRun(tier.Client, _report.Timeline, "chaos");
        var faults = new FaultRun(tier, _report.Timeline, TimeProvider.System);
        var repaired = faults.RunAsync(plan, traffic.Steps);
        var deliveries = traffic.RunAsync(orders, options.InFlight, needed: repaired);
        await Task.WhenAll(deliveries, repaired);

        var status = await tier.IdleStatusAsync();
        var after = await tier.IdleLoadsAsync();
        return new RunHistory
        {
            Twins = twins,
            Deliveries = await deliveries,
            Faults = faults.Struck,
            PlannedFaults = plan.Count,
            LoadsBefore = before,
            LoadsAfter = after,
            StepsAnswered = after.Sum(load => load.StepsDone) + tier.Denoisers.Sum(denoiser => denoiser.StepsOfTheDead)
                - before.Sum(load => load.StepsDone),
            StatusAfter = status,
            Problems = [.. faults.Problems],
        };
    }

    private string Summary(RunHistory history)
    {
        var changes = history.Deliveries.SelectMany(delivery => delivery.ReplicaChanges).ToList();
        var lost = changes.Count(change => change.Reason == ReplicaChangeReason.Lost);
        var repeated = history.Deliveries.Sum(delivery => delivery.Finished?.RepeatedSteps ?? 0);
        var steps = history.Deliveries.Sum(delivery => delivery.Steps.Count());
        return $"{options}: {history.Deliveries.Count(delivery => delivery.Files.Any())} of {history.Deliveries.Count} images "
            + $"({history.Twins.Count} different), "
            + $"{steps} steps ({history.StepsAnswered} answered), {history.Faults.Count} faults, {changes.Count} replica changes "
            + $"({lost} for a lost denoiser), {repeated} steps repeated, "
            + $"{_report.Timeline.Elapsed.TotalSeconds:F0} s; memory before and after: {Megabytes(history.LoadsBefore.Select(Resident))}, "
            + $"{Megabytes(history.LoadsAfter.Select(Resident))} MiB; live tensors: "
            + $"{string.Join(' ', history.LoadsBefore.Select(load => load.LiveTensors))}, "
            + $"{string.Join(' ', history.LoadsAfter.Select(load => load.LiveTensors))}";
    }

    private static long Resident(GetLoadResponse load) => load.ResidentMemoryBytes;

    private static string Megabytes(IEnumerable<long> bytes) => string.Join(' ', bytes.Select(count => count >> 20));
}
