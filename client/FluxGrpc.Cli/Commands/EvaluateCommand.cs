using System.CommandLine;
using FluxGrpc.Cli.Evaluation;
using FluxGrpc.Client;
using FluxGrpc.LocalCluster;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux evaluate</c>: does the model draw what it is asked for?</summary>
internal static class EvaluateCommand
{
    private const int MostPrompts = 10_000;

    public static Command Create(Terminal terminal)
    {
        var prompts = new Option<int>("--prompts")
        {
            Description = "Prompts of scenes kept from training; the comparisons of guidance and steps take half as many.",
            DefaultValueFactory = _ => 104,
        }.Within(2, MostPrompts);
        var seeds = new Option<int>("--seeds")
        {
            Description = "Pictures of each prompt; one in the comparisons.",
            DefaultValueFactory = _ => 2,
        }.Within(1, 100);
        var sheet = new Option<string?>("--sheet")
        {
            Description = "Also write the first pictures side by side to this PNG file, and their prompts to a text file beside it.",
            HelpName = "file",
        };
        var server = new ServerOptions("Orchestrator to evaluate:");
        var model = SharedOptions.Model();
        var device = SharedOptions.Device();
        var dtype = SharedOptions.Dtype("auto");
        var kernels = SharedOptions.Kernels();
        var command = new Command("evaluate",
            "Let the model draw coloured figures that its training has never seen together, and measure on the pictures what is right.")
        {
            prompts, seeds, sheet, model, device, dtype, kernels,
        };
        server.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var connection = await ConnectAsync(server.Read(parsed), new EmbeddedClusterOptions
            {
                Checkpoint = parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder,
                Device = parsed.GetRequiredValue(device),
                Dtype = parsed.GetRequiredValue(dtype),
                Kernels = parsed.GetRequiredValue(kernels),
            }, cancellation);
            var run = new EvaluationRun(connection.Client, terminal);
            await run.RunAsync(parsed.GetValue(prompts), parsed.GetValue(seeds), parsed.GetValue(sheet), cancellation);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<ServerConnection> ConnectAsync(
        FluxClientOptions? server, EmbeddedClusterOptions embedded, CancellationToken cancellation) =>
        server is null ? await ServerConnection.EmbedAsync(embedded, cancellation) : ServerConnection.To(server);
}
