using System.CommandLine;
using System.Text.Json;
using FluxGrpc.Cli.Cluster;
using Spectre.Console;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux cluster status</c>: the services of a running cluster and how busy they are.</summary>
internal static class ClusterStatusCommand
{
    private static readonly TimeSpan _refreshTime = TimeSpan.FromSeconds(1);
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static Command Create(Terminal terminal)
    {
        var cluster = SharedOptions.Cluster();
        var once = new Option<bool>("--once") { Description = "Print the table once, as it is when written to a file or a pipe." };
        var format = new Option<string>("--format")
        {
            Description = "table, or json (once) for scripts.",
            DefaultValueFactory = _ => "table",
        };
        format.AcceptOnlyFromAmong("table", "json");
        var server = new ServerOptions("");
        var command = new Command("status", "Show the services of a running cluster and how busy they are; Ctrl-C ends it.")
        {
            cluster, once, format, server.ApiKey, server.Ca,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var connection = ClusterConnection.Find(parsed.GetValue(cluster));
            await using var observer = new ClusterObserver(connection, address => server.Read(parsed, address));
            if (parsed.GetValue(format) == "json")
                await terminal.Output.WriteLineAsync(JsonSerializer.Serialize(await observer.ObserveAsync(cancellation), _json));
            else if (parsed.GetValue(once) || !terminal.IsInteractive)
                terminal.Drawing.Write(ClusterTable.Draw(await observer.ObserveAsync(cancellation)));
            else
                await FollowAsync(observer, terminal.Drawing, cancellation);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task FollowAsync(ClusterObserver observer, IAnsiConsole console, CancellationToken cancellation)
    {
        var first = ClusterTable.Draw(await observer.ObserveAsync(cancellation));
        using var refresh = new PeriodicTimer(_refreshTime);
        try
        {
            await console.Live(first).StartAsync(async live =>
            {
                while (await refresh.WaitForNextTickAsync(cancellation))
                    live.UpdateTarget(ClusterTable.Draw(await observer.ObserveAsync(cancellation)));
            });
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C is how it is meant to end; the last table stays.
        }
    }
}
