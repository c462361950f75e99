using System.CommandLine;
using FluxGrpc.Cli.Generation;
using FluxGrpc.LocalCluster;
using FluxGrpc.V1;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux generate PROMPT</c>: prompt in, PNG out.</summary>
internal static class GenerateCommand
{
    public static Command Create(Terminal terminal)
    {
        var symbols = new Symbols();
        var command = new Command("generate", "Make pictures of a prompt. Without --server the four services are started in this process.")
        {
            symbols.Prompt, symbols.Output, symbols.Width, symbols.Height, symbols.Steps, symbols.Guidance, symbols.Seed, symbols.Count,
            symbols.Server, symbols.Model, symbols.Device, symbols.Dtype, symbols.Record,
        };
        command.Validators.Add(result =>
        {
            foreach (var local in new Option[] { symbols.Model, symbols.Device, symbols.Dtype })
            {
                if (result.GetResult(symbols.Server) is not null && result.GetResult(local) is { Implicit: false })
                    result.AddError($"{local.Name} is for services that are started here; it cannot go together with --server");
            }
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
        public Argument<string> Prompt { get; } = new("prompt") { Description = "What to draw." };

        public Option<string> Output { get; } = new("--output", "-o")
        {
            Description = "PNG file to write; with --count 2 and more out-1.png, out-2.png, ...",
            DefaultValueFactory = _ => "out.png",
            HelpName = "file",
        };

        public Option<int?> Width { get; } = new("--width")
        {
            Description = "Width in pixels, a multiple of 16. Default: the model's own.",
        };

        public Option<int?> Height { get; } = new("--height")
        {
            Description = "Height in pixels, a multiple of 16. Default: the model's own.",
        };

        public Option<int?> Steps { get; } = new("--steps") { Description = "Denoising steps. Default: 28, for schnell 4." };

        public Option<float?> Guidance { get; } = new("--guidance") { Description = "Strength of the distilled guidance. Default: 3.5." };

        public Option<ulong?> Seed { get; } = new("--seed") { Description = "Seed of the first picture. Default: drawn." };

        public Option<int?> Count { get; } = new("--count") { Description = "Number of pictures. Default: 1." };

        public Option<Channels.ServiceAddress?> Server { get; } = SharedOptions.Server("Orchestrator to ask:");

        public Option<DirectoryInfo> Model { get; } = SharedOptions.Model();

        public Option<string> Device { get; } = SharedOptions.Device();

        public Option<string> Dtype { get; } = SharedOptions.Dtype("auto");

        public Option<string?> Record { get; } = new("--record")
        {
            Description = "Also write conditioning, sigmas, latents and velocity of each step to this safetensors file.",
            HelpName = "file",
        };

        public GenerateSettings Read(ParseResult parsed)
        {
            var request = new GenerateRequest { Prompt = parsed.GetRequiredValue(Prompt) };
            if (parsed.GetValue(Width) is { } width)
                request.Width = width;
            if (parsed.GetValue(Height) is { } height)
                request.Height = height;
            if (parsed.GetValue(Steps) is { } steps)
                request.Steps = steps;
            if (parsed.GetValue(Guidance) is { } guidance)
                request.Guidance = guidance;
            if (parsed.GetValue(Seed) is { } seed)
                request.Seed = seed;
            if (parsed.GetValue(Count) is { } count)
                request.Count = count;

            return new GenerateSettings(request, parsed.GetRequiredValue(Output), parsed.GetValue(Record), parsed.GetValue(Server),
                new EmbeddedClusterOptions
                {
                    Checkpoint = parsed.GetValue(Model)?.FullName ?? EmbeddedCheckpoint.Folder,
                    Device = parsed.GetRequiredValue(Device),
                    Dtype = parsed.GetRequiredValue(Dtype),
                    LogLevel = LogLevel.Error, // A run that Ctrl-C ends is no news to who pressed it.
                });
        }
    }
}
