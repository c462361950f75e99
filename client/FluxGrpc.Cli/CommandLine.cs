using System.CommandLine;
using System.CommandLine.Parsing;
using FluxGrpc.Cli.Commands;
using FluxGrpc.Client;

namespace FluxGrpc.Cli;

/// <summary>The program: reads the command line, runs a command, turns whatever went wrong into one line and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Time for a command to clean up after Ctrl-C; then the program ends without it.</summary>
    private static readonly TimeSpan _cleanUpTime = TimeSpan.FromSeconds(15);

    /// <summary>Runs a command line.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments, Terminal terminal)
    {
        var parsed = CreateRoot(terminal).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            var command = string.Join(' ', NamesOf(parsed.CommandResult));
            var problems = parsed.Errors.Select(error => OneLine(error.Message).TrimEnd('.')).Distinct();
            await terminal.Error.WriteLineAsync($"flux: {string.Join("; ", problems)} (see {command} --help)");
            return ExitCode.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = _cleanUpTime,
                Output = terminal.Output,
                Error = terminal.Error,
            });
        }
        catch (OperationCanceledException)
        {
            await terminal.Error.WriteLineAsync("flux: cancelled");
            return ExitCode.Cancelled;
        }
        catch (Exception exception)
        {
            await terminal.Error.WriteLineAsync($"flux: {Describe(exception)}");
            return exception is CliException { ExitCode: var code } ? code : ExitCode.Failure;
        }
    }

    /// <summary>The tree of commands.</summary>
    internal static RootCommand CreateRoot(Terminal terminal) => new("FLUX.1 text-to-image over gRPC.")
    {
        GenerateCommand.Create(terminal),
        CancelCommand.Create(terminal),
        InfoCommand.Create(terminal),
        SummaryCommand.Create(terminal),
        ScheduleCommand.Create(terminal),
        ReplayCommand.Create(terminal),
        VerifyCommand.Create(terminal),
        EvaluateCommand.Create(terminal),
        ClusterCommand.Create(terminal),
        CertificatesCommand.Create(terminal),
        KeysCommand.Create(terminal),
    };

    private static string Describe(Exception exception)
    {
        var text = exception switch
        {
            FluxException { RetryDelay: { } delay } => $"{exception.Message} (try again in {delay.TotalSeconds:0.#} s)",
            AggregateException { InnerExceptions: [var first, ..] } => Describe(first),
            _ => exception.Message,
        };
        return OneLine(text);
    }

    /// <summary>Text with every run of white space as one space.</summary>
    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static Stack<string> NamesOf(CommandResult result)
    {
        var names = new Stack<string>();
        for (SymbolResult? symbol = result; symbol is CommandResult command; symbol = symbol.Parent)
            names.Push(symbol.Parent is null ? "flux" : command.Command.Name);
        return names;
    }
}
