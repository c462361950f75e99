using FluxGrpc.ChaosTests.History;
using FluxGrpc.ChaosTests.Tiers;

namespace FluxGrpc.ChaosTests.RollingUpdates;

/// <summary>
/// Replaces each denoiser of a tier by one at another address, one after the other, as a Deployment does: the old one leaves the list
/// and gets SIGTERM at the same time, while it has images in hand. By turns a new one serves before an old one goes (maxSurge 1) and
/// after it (maxUnavailable 1).
/// </summary>
/// <param name="tier">The tier, whose denoisers end.</param>
/// <param name="list">By which its orchestrator follows them.</param>
/// <param name="timeline">Gets every step of it.</param>
internal sealed class Rollout(ProcessTier tier, ReplicaList list, Timeline timeline) : IAsyncDisposable
{
    private readonly List<Member> _replacements = [];

    /// <summary>The new denoisers.</summary>
    public IReadOnlyList<Member> Replacements => _replacements;

    /// <summary>Carries it out.</summary>
    public async Task RunAsync()
    {
        foreach (var (index, old) in tier.Denoisers.Index())
        {
            var newFirst = index % 2 == 0;
            if (newFirst)
                await StartReplacementAsync();
            await tier.StatusWhenAsync(status => status.Components.Any(item => item.Address == old.Address && item.Sessions > 0));
            list.Write([.. Serving.Except([old])]);
            timeline.Add($"SIGTERM {old.Name}");
            await old.TerminateAsync();
            timeline.Add($"ENDED {old.Name} with exit code {old.Process.ExitCode}");
            if (!newFirst)
                await StartReplacementAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var replacement in _replacements)
            await replacement.DisposeAsync();
    }

    private IEnumerable<Member> Serving =>
        tier.Denoisers.Concat(_replacements).Where(denoiser => denoiser.State == MemberState.Up);

    private async Task StartReplacementAsync()
    {
        var replacement = ProcessTier.Denoiser(tier.Denoisers.Count + _replacements.Count + 1);
        _replacements.Add(replacement);
        await replacement.StartAsync();
        timeline.Add($"SERVING {replacement.Name}");
        list.Write(Serving);
        await tier.StatusWhenAsync(status => status.Components.Any(item => item.Address == replacement.Address && item.Ready));
        timeline.Add($"FOUND {replacement.Name}");
    }
}
