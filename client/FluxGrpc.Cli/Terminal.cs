using Spectre.Console;

namespace FluxGrpc.Cli;

/// <summary>Where the program writes: results to standard output, warnings and errors to standard error.</summary>
internal sealed class Terminal
{
    /// <summary>Room for a table where no window says how wide it is.</summary>
    private const int WidthOfFiles = 200;

    /// <summary>Writes to this process's own output.</summary>
    public Terminal()
        : this(Console.Out, Console.Error, isInteractive: !Console.IsOutputRedirected)
    {
    }

    /// <summary>Writes elsewhere.</summary>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="isInteractive">True where somebody watches: progress is then drawn, else written line by line.</param>
    public Terminal(TextWriter output, TextWriter error, bool isInteractive)
    {
        Output = output;
        Error = error;
        IsInteractive = isInteractive;
        Drawing = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
        });
        if (!isInteractive)
            Drawing.Profile.Width = WidthOfFiles;
    }

    /// <summary>Standard output, for plain lines.</summary>
    public TextWriter Output { get; }

    /// <summary>Standard output, for tables, trees and bars.</summary>
    public IAnsiConsole Drawing { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>True where somebody watches.</summary>
    public bool IsInteractive { get; }
}
