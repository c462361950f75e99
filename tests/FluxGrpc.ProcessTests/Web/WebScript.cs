using System.Diagnostics;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.ProcessTests.Web;

/// <summary>Runs the scripts of tests/web with Node's own test runner.</summary>
internal static class WebScript
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(8);

    /// <summary>Runs a script; its whole output is the failure's message.</summary>
    /// <param name="name">File in tests/web.</param>
    /// <param name="variables">Its environment, beside this process's own.</param>
    public static async Task RunAsync(string name, IReadOnlyDictionary<string, string> variables)
    {
        var start = new ProcessStartInfo("node", ["--test", "--test-reporter=spec", name])
        {
            WorkingDirectory = Repository.PathOf("tests", "web"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in variables)
            start.Environment[variable] = value;

        using var node = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(_patience);
        try
        {
            var output = node.StandardOutput.ReadToEndAsync(timeout.Token);
            var errors = node.StandardError.ReadToEndAsync(timeout.Token);
            await node.WaitForExitAsync(timeout.Token);
            Assert.True(node.ExitCode == 0, $"{name} ended with exit code {node.ExitCode}:\n{await output}\n{await errors}");
        }
        finally
        {
            if (!node.HasExited)
                node.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Full path of a program that is on the path, or null.</summary>
    public static string? FindProgram(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);
}
