using System.Globalization;
using FluxGrpc.ChaosTests.Tiers;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.Testing;

namespace FluxGrpc.ChaosTests.History;

/// <summary>
/// What is needed to understand a run that failed, in a folder of its own in <c>artifacts/chaos/</c>: its seed, its timeline, every
/// process's log, the images that differ. The folder of a run that went well is deleted.
/// </summary>
internal sealed class RunReport : IDisposable
{
    private readonly string _folder;

    /// <summary>Begins the folder, and the timeline in it.</summary>
    public RunReport(ChaosOptions options)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-seed-{options.Seed}");
        _folder = Directory.CreateDirectory(Repository.PathOf("artifacts", "chaos", name)).FullName;
        Timeline = new Timeline(Path.Combine(_folder, "timeline.txt"), TimeProvider.System);
        Timeline.Add($"{options}");
    }

    /// <summary>The run's timeline.</summary>
    public Timeline Timeline { get; }

    /// <summary>Keeps the folder and adds what was wrong.</summary>
    /// <returns>The folder.</returns>
    public string Keep(IReadOnlyList<string> violations, ProcessTier tier, RunHistory? history)
    {
        foreach (var violation in violations)
            Timeline.Add($"WRONG: {violation}");
        foreach (var (process, output) in tier.Members.SelectMany(member => member.Logs))
            File.WriteAllText(Path.Combine(_folder, $"{process}.log"), output);
        if (history is null)
            return _folder;

        foreach (var delivery in history.Deliveries)
        {
            if (history.TwinOf(delivery) is not { } twin || !Differ(delivery, twin))
                continue;
            WriteImages(delivery, "disturbed");
            WriteImages(twin, "twin");
        }

        return _folder;
    }

    /// <summary>Deletes the folder.</summary>
    public void Discard()
    {
        Timeline.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <inheritdoc/>
    public void Dispose() => Timeline.Dispose();

    private static bool Differ(Delivery one, Delivery other) =>
        !one.Files.SelectMany(file => file).SequenceEqual(other.Files.SelectMany(file => file));

    private void WriteImages(Delivery delivery, string name)
    {
        foreach (var file in delivery.Files)
            File.WriteAllBytes(Path.Combine(_folder, $"{delivery.Order.Name}-{name}.png"), file);
    }
}
