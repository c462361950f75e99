using System.CommandLine;
using FluxGrpc.Checkpoints;
using FluxGrpc.Cli.Description;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Torch;
using TorchSharp;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux summary</c>: a transformer as a table or a diagram, from the headers of its files alone.</summary>
internal static class SummaryCommand
{
    private const int MaxTextTokens = 65_536;

    public static Command Create(Terminal terminal)
    {
        var path = new Argument<string?>("checkpoint")
        {
            Description = "Checkpoint folder or .safetensors file.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var preset = new Option<string?>("--preset")
        {
            Description = "Published sizes instead of a checkpoint; seed is dev at full width with 2 + 2 blocks.",
        };
        preset.AcceptOnlyFromAmong("seed", "dev", "schnell");
        var width = SharedOptions.Side("--width");
        var height = SharedOptions.Side("--height");
        var textTokens = new Option<int>("--text-tokens")
        {
            Description = "Text tokens of the shapes.",
            DefaultValueFactory = _ => 512,
        }.Within(1, MaxTextTokens);
        var mermaid = new Option<bool>("--mermaid") { Description = "Print a Mermaid flowchart instead of the table." };

        var command = new Command("summary", "Show the transformer as a table: module, shapes, parameters, share.")
        {
            path, preset, width, height, textTokens, mermaid,
        };
        command.Validators.Add(result =>
        {
            var hasPath = result.GetResult(path) is { Tokens.Count: > 0 };
            if (hasPath == result.GetResult(preset) is not null)
                result.AddError("either a checkpoint or --preset is needed, not both");
        });
        command.SetAction(parsed =>
        {
            NativeLibraries.EnsureLoaded();
            using var transformer = Open(parsed.GetValue(path), parsed.GetValue(preset));
            var rows = NetworkSummary.Create(
                transformer, parsed.GetValue(width), parsed.GetValue(height), parsed.GetValue(textTokens));
            if (parsed.GetValue(mermaid))
                terminal.Output.WriteLine(NetworkDiagram.Write(transformer.Config, rows));
            else
                NetworkTable.Print(rows, terminal.Drawing);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Builds the network without memory for weights.</summary>
    private static FluxTransformer Open(string? path, string? preset)
    {
        if (path is null)
        {
            return new FluxTransformer(preset switch
            {
                "schnell" => TransformerConfig.FluxSchnell,
                "seed" => TransformerConfig.Seed,
                _ => TransformerConfig.FluxDev,
            }, torch.META);
        }

        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        var transformer = new FluxTransformer(TransformerConfigReader.Read(checkpoint), torch.META);
        try
        {
            checkpoint.Validate(transformer);
            return transformer;
        }
        catch
        {
            transformer.Dispose();
            throw;
        }
    }
}
