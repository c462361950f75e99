using System.CommandLine;
using FluxGrpc.Cli.Description;
using FluxGrpc.LocalCluster;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux info</c>: what a server or a checkpoint is.</summary>
internal static class InfoCommand
{
    public static Command Create(Terminal terminal)
    {
        var checkpoint = new Argument<string?>("checkpoint")
        {
            Description = "Checkpoint folder or .safetensors file, described from its headers. Default: the mini model.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var server = new ServerOptions("Orchestrator to describe instead:");
        var command = new Command("info", "Describe a server or a checkpoint.") { checkpoint };
        server.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(server.Address) is not null && result.GetResult(checkpoint) is { Tokens.Count: > 0 })
                result.AddError("a checkpoint and --server cannot go together");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            if (server.Read(parsed) is { } address)
            {
                await using var connection = ServerConnection.To(address);
                await ServerDescription.PrintAsync(connection.Client, terminal.Drawing, cancellation);
            }
            else
            {
                CheckpointDescription.Print(parsed.GetValue(checkpoint) ?? EmbeddedCheckpoint.Folder, terminal.Drawing);
            }

            return ExitCode.Success;
        });
        return command;
    }
}
