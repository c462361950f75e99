using System.Globalization;
using FluxGrpc.Channels;
using FluxGrpc.Cli.Description;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace FluxGrpc.Cli.Cluster;

/// <summary>A cluster at a moment, for people.</summary>
internal static class ClusterTable
{
    private const string Nothing = "–";

    /// <summary>Draws a row for each service, and the orchestrator's queue.</summary>
    public static IRenderable Draw(ClusterSnapshot cluster)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns(
            "service", "process", "device", "health", "sessions", "work", "batch mean", "last", "steps", "memory", "address");
        foreach (var index in new[] { 1, 4, 5, 6, 7, 8, 9 })
            table.Columns[index].RightAligned();
        foreach (var column in table.Columns.SkipLast(1))
            column.NoWrap();
        foreach (var service in cluster.Services)
        {
            table.AddRow(
                new Text(service.Name), new Text(service.ProcessId.ToString(CultureInfo.InvariantCulture)),
                new Text(service.Device), Health(service), new Text(Number(service.Sessions)),
                new Text(Number(service.OutstandingWork)), new Text(Mean(service.MeanBatchSize)),
                new Text(Number(service.LastBatchSize)), new Text(Number(service.StepsDone)),
                new Text(Numbers.Bytes(service.ResidentMemoryBytes)), new Text(Shorten(service.Address)));
        }

        return new Rows([new Text(Title(cluster)), table, .. Lines(cluster).Select(line => new Text(line))]);
    }

    private static string Title(ClusterSnapshot cluster)
    {
        var sockets = cluster.Services.Select(service => ServiceAddress.Parse(service.Address).SocketPath).OfType<string>()
            .Select(path => $", sockets in {Path.GetDirectoryName(path)}").FirstOrDefault();
        return $"{cluster.Name}: {(cluster.Address.Length == 0 ? "starting" : $"orchestrator at {cluster.Address}")}{sockets}";
    }

    /// <summary>A socket without its folder, which is the same for all: the table is wide enough.</summary>
    private static string Shorten(string address) =>
        ServiceAddress.Parse(address).SocketPath is { } path ? Path.GetFileName(path) : address;

    private static IEnumerable<string> Lines(ClusterSnapshot cluster)
    {
        if (cluster.Problem is { } problem)
            yield return $"orchestrator: {problem}";
        if (cluster.Queue is { } queue)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"queue:   {queue.Generations} generations in hand, {queue.Waiting} waiting "
                + $"({Numbers.Grouped(queue.QueuedWork)} steps x tokens), {queue.Detached} detached");
        }

        if (cluster.PromptCache is { } cache)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"prompts: {cache.Entries} remembered ({Numbers.Bytes(cache.Bytes)} of {Numbers.Bytes(cache.MaxBytes)}), "
                + $"{cache.Hits} hits, {cache.Misses} misses");
        }
    }

    private static Text Health(ServiceSnapshot service)
    {
        var restarts = service.Restarts == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", restarted x {service.Restarts}");
        return service.Problem is { } problem
            ? new Text($"{problem}{restarts}", Color.Red)
            : new Text($"{service.State}{restarts}", service.State == "serving" ? Color.Green : Color.Yellow);
    }

    private static string Number(long? number) => number is { } known ? Numbers.Grouped(known) : Nothing;

    private static string Mean(double? size) => size is { } known ? known.ToString("0.00", CultureInfo.InvariantCulture) : Nothing;
}
