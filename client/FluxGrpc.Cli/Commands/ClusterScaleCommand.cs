using System.CommandLine;
using System.Globalization;
using FluxGrpc.Cli.Cluster;
using FluxGrpc.Cluster.V1;
using FluxGrpc.LocalCluster;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux cluster scale N</c>: adds or removes denoisers of a running cluster.</summary>
internal static class ClusterScaleCommand
{
    public static Command Create(Terminal terminal)
    {
        var denoisers = new Argument<int>("denoisers") { Description = $"Number of denoisers, 1 to {ProcessCluster.MaxDenoisers}." }
            .Within(1, ProcessCluster.MaxDenoisers);
        var cluster = SharedOptions.Cluster();
        var command = new Command("scale", "Add or remove denoisers of a running cluster; images on those that go are handed on.")
        {
            denoisers, cluster,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var connection = ClusterConnection.Find(parsed.GetValue(cluster));
            await RunAsync(connection, parsed.GetValue(denoisers), terminal.Output, cancellation);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task RunAsync(
        ClusterConnection cluster, int denoisers, TextWriter output, CancellationToken cancellation)
    {
        await foreach (var process in cluster.ScaleAsync(denoisers, cancellation))
            await output.WriteLineAsync($"{process.Name}: {Describe(process)}");
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"denoisers: {denoisers}"));
    }

    private static string Describe(ClusterProcess process) => process.State switch
    {
        ProcessState.Starting => $"starting on {process.Device}",
        ProcessState.Serving => string.Create(CultureInfo.InvariantCulture, $"serving, process {process.ProcessId}"),
        var state => state.ToString().ToLowerInvariant(),
    };
}
