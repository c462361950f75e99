using System.CommandLine;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux cancel ID</c>: stops a generation at a server.</summary>
internal static class CancelCommand
{
    public static Command Create(Terminal terminal)
    {
        var id = new Argument<string>("id") { Description = "The request's name, as flux generate told it." };
        var server = new ServerOptions("Orchestrator that has it:") { Address = { Required = true } };
        var command = new Command("cancel", "Stop a generation, detached or not, within one step.") { id };
        server.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var connection = ServerConnection.To(server.Read(parsed)!);
            await connection.Client.CancelGenerationAsync(parsed.GetRequiredValue(id), cancellation);
            await terminal.Output.WriteLineAsync("cancelled");
            return ExitCode.Success;
        });
        return command;
    }
}
