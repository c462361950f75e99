using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux cluster</c> in the background, in a folder for sockets of its own, and the commands that find it there.</summary>
internal sealed partial class RunningFluxCluster : IAsyncDisposable
{
    private readonly DirectoryInfo _runtime = Directory.CreateTempSubdirectory("flux-test-");

    private RunningFluxCluster(params string[] arguments) => Process = FluxProcess.StartIn(_runtime.FullName, ["cluster", .. arguments]);

    /// <summary>The program.</summary>
    public FluxProcess Process { get; }

    /// <summary>The orchestrator's address.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The web page's address, as it told it.</summary>
    public string WebAddress => WebLine().Match(Process.Output).Groups[1].Value;

    /// <summary>Names of the files and folders for sockets.</summary>
    public IEnumerable<string?> SocketFolders =>
        Directory.EnumerateFileSystemEntries(Path.Combine(_runtime.FullName, "fluxgrpc")).Select(Path.GetFileName);

    /// <summary>Starts one that computes in float32 and waits until it serves.</summary>
    public static async Task<RunningFluxCluster> StartAsync(params string[] arguments)
    {
        var cluster = new RunningFluxCluster(["--dtype", "float32", "--web-port", "0", .. arguments]);
        var line = await cluster.Process.WaitForLineAsync("orchestrator at ");
        cluster.Address = line["orchestrator at ".Length..].Split(' ')[0];
        return cluster;
    }

    /// <summary>The processes that it told of when it had started, by the services' names.</summary>
    public Dictionary<string, Process> Children() => ChildLine().Matches(Process.Output).ToDictionary(
        match => match.Groups[1].Value,
        match => System.Diagnostics.Process.GetProcessById(int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)));

    /// <summary>Runs <c>flux cluster</c> with more words.</summary>
    public Task<FluxProcess> RunAsync(params string[] arguments) => FluxProcess.RunInAsync(_runtime.FullName, ["cluster", .. arguments]);

    /// <summary>Runs <c>flux cluster scale</c>, which must come off.</summary>
    public async Task<FluxProcess> ScaleAsync(string denoisers)
    {
        var run = await RunAsync("scale", denoisers);
        Assert.True(run.ExitCode == 0, $"{run.Error}\n{Process.Error}");
        return run;
    }

    /// <summary>Runs <c>flux cluster status --format json</c>.</summary>
    public async Task<JsonElement> StatusAsync()
    {
        var run = await RunAsync("status", "--format", "json");
        Assert.True(run.ExitCode == 0, $"{run.Error}\n{Process.Error}");
        return JsonElement.Parse(run.Output);
    }

    /// <summary>Waits until processes have ended.</summary>
    public static async Task AssertGoneAsync(IEnumerable<Process> processes)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        foreach (var process in processes)
        {
            await process.WaitForExitAsync(patience.Token);
            process.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _runtime.Delete(recursive: true);
    }

    [GeneratedRegex(@"^web page at (\S+)$", RegexOptions.Multiline)]
    private static partial Regex WebLine();

    [GeneratedRegex(@"^([a-z0-9-]+): process (\d+)$", RegexOptions.Multiline)]
    private static partial Regex ChildLine();
}
