using System.Diagnostics;
using Xunit;

namespace FluxGrpc.Testing.Processes;

/// <summary>Runs programs that are not ours: Node, kubectl, Docker Compose.</summary>
public static class ForeignProgram
{
    /// <summary>Full path of a program that is on the path, or null.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);

    /// <summary>What a program writes, which has to end well; otherwise all its output is the failure's message.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="environment">Variables beside this process's own.</param>
    /// <param name="patience">Time after which it is killed.</param>
    /// <param name="name">The program.</param>
    /// <param name="arguments">Its command line.</param>
    public static async Task<string> OutputAsync(string folder, IReadOnlyDictionary<string, string> environment, TimeSpan patience,
        string name, params IEnumerable<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var start = new ProcessStartInfo(name, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;

        using var process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var errors = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            Assert.True(process.ExitCode == 0, $"{name} ended with exit code {process.ExitCode}:\n{await output}\n{await errors}");
            return await output;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
