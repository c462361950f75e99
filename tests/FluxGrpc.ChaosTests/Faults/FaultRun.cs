using System.Collections.Concurrent;
using System.Threading.Channels;
using FluxGrpc.ChaosTests.History;
using FluxGrpc.ChaosTests.Tiers;

namespace FluxGrpc.ChaosTests.Faults;

/// <summary>
/// Does to the denoisers what the plan says, and repairs it. A fault strikes a denoiser in the moment in which it has answered a
/// step, so that it has an image in hand; one denoiser at least is always up.
/// </summary>
/// <param name="tier">The victims.</param>
/// <param name="timeline">Gets every fault and every repair.</param>
/// <param name="time">The clock of the outages.</param>
internal sealed class FaultRun(ProcessTier tier, Timeline timeline, TimeProvider time)
{
    private readonly List<StruckFault> _struck = [];
    private readonly ConcurrentQueue<string> _problems = new();

    /// <summary>What was done, in order.</summary>
    public IReadOnlyList<StruckFault> Struck => _struck;

    /// <summary>What the victims did wrong.</summary>
    public IEnumerable<string> Problems => _problems;

    /// <summary>Carries the plan out, as far as the traffic goes, and waits until all is repaired.</summary>
    /// <param name="plan">The faults, in order.</param>
    /// <param name="steps">The replica of each finished step; ends with the traffic.</param>
    public async Task RunAsync(IReadOnlyList<Fault> plan, ChannelReader<string> steps)
    {
        List<Task> repairs = [];
        foreach (var fault in plan)
        {
            if (await ChooseVictimAsync(fault, steps) is not { } victim)
                break;
            var struck = new StruckFault(fault.Kind, victim.Name, timeline.Elapsed);
            _struck.Add(struck);
            timeline.Add($"FAULT {fault.Kind} {victim.Name}");
            await StrikeAsync(fault, victim);
            repairs.Add(RepairAsync(fault, victim, struck));
        }

        await Task.WhenAll(repairs);
    }

    private async Task<Member?> ChooseVictimAsync(Fault fault, ChannelReader<string> steps)
    {
        var seen = 0;
        await foreach (var replica in steps.ReadAllAsync())
        {
            if (++seen < fault.AfterSteps)
                continue;
            var candidate = tier.Denoisers.First(denoiser => denoiser.IsReplica(replica));
            var isMeant = candidate == tier.Denoisers[fault.Denoiser] || seen > 2 * fault.AfterSteps;
            if (isMeant && candidate.State == MemberState.Up && tier.Denoisers.Count(denoiser => denoiser.State == MemberState.Up) > 1)
                return candidate;
        }

        return null;
    }

    private static async Task StrikeAsync(Fault fault, Member victim)
    {
        if (fault.Kind == FaultKind.Kill)
            await victim.KillAsync();
        else if (fault.Kind != FaultKind.Drain)
            victim.Freeze();
    }

    private async Task RepairAsync(Fault fault, Member victim, StruckFault struck)
    {
        switch (fault.Kind)
        {
            case FaultKind.Freeze or FaultKind.Hiccup:
                await Task.Delay(fault.Outage, time);
                victim.Thaw();
                break;
            case FaultKind.Drain:
                await victim.TerminateAsync();
                timeline.Add($"ENDED {victim.Name} with exit code {victim.Process.ExitCode}");
                if (victim.Process.ExitCode != 0)
                    _problems.Enqueue($"{victim.Name} ended with exit code {victim.Process.ExitCode} at SIGTERM");
                await victim.StartAsync();
                break;
            default:
                await victim.StartAsync();
                break;
        }

        struck.RepairedAt = timeline.Elapsed;
        timeline.Add($"REPAIRED {victim.Name}");
    }
}
