using System.Diagnostics;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>Runs programs that are not ours, in the repository's root.</summary>
internal static class ExternalCommand
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    /// <summary>Full path of a program that is on the path, or null.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);

    /// <summary>What a program writes, which has to end well.</summary>
    /// <param name="environment">Variables beside this process's own.</param>
    /// <param name="name">The program.</param>
    /// <param name="arguments">Its command line.</param>
    public static async Task<string> OutputAsync(
        IReadOnlyDictionary<string, string> environment, string name, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(name, arguments)
        {
            WorkingDirectory = Checkout.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        using var process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(_patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var errors = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            Assert.True(process.ExitCode == 0, $"{name} ended with exit code {process.ExitCode}:\n{await errors}");
            return await output;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
