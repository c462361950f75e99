using System.CommandLine;
using System.Security.Cryptography;
using FluxGrpc.Cli.Generation;
using FluxGrpc.LocalCluster;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux generate PROMPT</c>: prompt in, pictures out.</summary>
internal static class GenerateCommand
{
    public static Command Create(Terminal terminal)
    {
        var symbols = new Symbols();
        var command = new Command("generate", "Make pictures of a prompt. Without --server the four services are started in this process.")
        {
            symbols.Priority, symbols.Detach, symbols.RequestId, symbols.Model, symbols.Device, symbols.Dtype, symbols.Kernels,
            symbols.WeightDtype, symbols.Record, symbols.SharePasses,
        };
        symbols.Server.AddTo(command);
        symbols.Image.AddTo(command);
        command.Validators.Add(result =>
        {
            foreach (var local in new Option[]
                     {
                         symbols.Model, symbols.Device, symbols.Dtype, symbols.Kernels, symbols.WeightDtype, symbols.SharePasses,
                     })
            {
                if (result.GetResult(symbols.Server.Address) is not null && result.GetResult(local) is { Implicit: false })
                    result.AddError($"{local.Name} is for services that are started here; it cannot go together with --server");
            }

            if (!result.GetValue(symbols.Detach))
                return;
            if (result.GetResult(symbols.Server.Address) is null)
                result.AddError("--detach needs --server: services that are started here end with the command");
            if (result.GetResult(symbols.Record) is not null)
                result.AddError("--detach and --record cannot go together");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            IProgressView view = terminal.IsInteractive ? new ProgressBar(terminal) : new ProgressLines(terminal);
            await new GenerateRun(symbols.Read(parsed), terminal, view).RunAsync(cancellation);
            return ExitCode.Success;
        });
        return command;
    }

    private sealed class Symbols
    {
        private const string Interactive = "interactive";
        private const string Batch = "batch";
        private const int DrawnIdLength = 32;

        public ImageOptions Image { get; } = new();

        public ServerOptions Server { get; } = new("Orchestrator to ask:");

        public Option<string> Priority { get; } = PriorityOption();

        public Option<bool> Detach { get; } = new("--detach")
        {
            Description = "Have the server go on when this command ends; the same command with the same --request-id finds it again.",
        };

        public Option<string?> RequestId { get; } = new("--request-id")
        {
            Description = "The request's name, to cancel it or to find it again. Default: drawn.",
            HelpName = "id",
        };

        public Option<DirectoryInfo> Model { get; } = SharedOptions.Model();

        public Option<string> Device { get; } = SharedOptions.Device();

        public Option<string> Dtype { get; } = SharedOptions.Dtype("auto");

        public Option<string> Kernels { get; } = SharedOptions.Kernels();

        public Option<string> WeightDtype { get; } = SharedOptions.WeightDtype();

        public Option<bool> SharePasses { get; } = new("--share-passes")
        {
            Description = "Small pictures share passes of the denoiser also where their last bits then differ from those of pictures "
                + "made alone, and from run to run: more pictures a second. Where no bit differs they do so in any case.",
        };

        public Option<string?> Record { get; } = new("--record")
        {
            Description = "Also write conditioning, sigmas, latents and velocity of each step to this safetensors file.",
            HelpName = "file",
        };

        public GenerateSettings Read(ParseResult parsed)
        {
            var request = Image.Read(parsed);
            if (parsed.GetRequiredValue(Priority) == Batch)
                request.Priority = V1.Priority.Batch;
            request.RequestId = parsed.GetValue(RequestId) ?? "";
            request.Detached = parsed.GetValue(Detach);
            if (request is { Detached: true, RequestId: "" })
                request.RequestId = RandomNumberGenerator.GetHexString(DrawnIdLength, lowercase: true);

            return new GenerateSettings(request, parsed.GetRequiredValue(Image.Output), parsed.GetValue(Record), Server.Read(parsed),
                new EmbeddedClusterOptions
                {
                    Checkpoint = parsed.GetValue(Model)?.FullName ?? EmbeddedCheckpoint.Folder,
                    Device = parsed.GetRequiredValue(Device),
                    Dtype = parsed.GetRequiredValue(Dtype),
                    Kernels = parsed.GetRequiredValue(Kernels),
                    WeightDtype = parsed.GetRequiredValue(WeightDtype),
                    BatchInvariant = !parsed.GetValue(SharePasses),
                    LogLevel = LogLevel.Error, // A run that Ctrl-C ends is no news to who pressed it.
                },
                request.Detached ? FollowUps.Of(parsed, RequestId, request.RequestId, Server) : null);
        }

        private static Option<string> PriorityOption()
        {
            var option = new Option<string>("--priority")
            {
                Description = "Whose work comes first when the server has more to do than it can.",
                DefaultValueFactory = _ => Interactive,
            };
            option.AcceptOnlyFromAmong(Interactive, Batch);
            return option;
        }
    }
}
