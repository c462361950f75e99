using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux cluster</c>: five processes that live and die together.</summary>
public sealed partial class ClusterTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task It_serves_pictures_from_all_its_denoisers_and_Ctrl_C_ends_all()
    {
        await using var cluster = FluxProcess.Start("cluster", "--denoisers", "2", "--dtype", "float32");
        var address = AddressIn(await cluster.WaitForLineAsync("orchestrator at "));
        var children = ChildrenIn(cluster.Output);
        Assert.Equal(5, children.Count);

        var files = new List<string>();
        foreach (var name in new[] { "one.png", "two.png" })
        {
            files.Add(Path.Combine(_folder.FullName, name));
            var run = await FluxProcess.RunAsync("generate", "a red circle", "--server", address, "--output", files[^1],
                "--width", "64", "--height", "64", "--steps", "2", "--seed", "3");
            Assert.True(run.ExitCode == 0, run.Error);
        }

        var info = await FluxProcess.RunAsync("info", "--server", address);
        cluster.Interrupt();
        await cluster.WaitForExitAsync();

        Assert.Equal(File.ReadAllBytes(files[0]), File.ReadAllBytes(files[1]));
        Assert.Equal(2, Regex.Count(info.Output, "2 steps done"));
        Assert.Equal(0, cluster.ExitCode);
        await AssertGoneAsync(children);
    }

    [Fact]
    public async Task No_child_outlives_it_when_it_is_killed()
    {
        await using var cluster = FluxProcess.Start("cluster");
        await cluster.WaitForLineAsync("orchestrator at ");
        var children = ChildrenIn(cluster.Output);
        Assert.Equal(4, children.Count);

        cluster.Kill();

        await AssertGoneAsync(children);
        DeleteSockets(cluster.Error); // Nobody was left to do it.
    }

    [Fact]
    public async Task A_service_that_dies_ends_the_cluster()
    {
        await using var cluster = FluxProcess.Start("cluster");
        await cluster.WaitForLineAsync("orchestrator at ");
        var children = ChildrenIn(cluster.Output);

        children["vae"].Kill();
        await cluster.WaitForExitAsync();

        Assert.Equal(1, cluster.ExitCode);
        Assert.Equal("flux: vae ended with exit code 137", cluster.Error.Split('\n')[^1]);
        await AssertGoneAsync(children);
    }

    [Fact]
    public async Task A_service_that_cannot_start_ends_the_cluster_with_its_message()
    {
        var run = await FluxProcess.RunAsync("cluster", "--model", _folder.FullName);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("ended with exit code 1", run.Error.Split('\n')[^1], StringComparison.Ordinal);
        Assert.Contains(_folder.FullName, run.Error.Split('\n')[^1], StringComparison.Ordinal);
    }

    private static void DeleteSockets(string log) =>
        Directory.Delete(Path.GetDirectoryName(SocketPath().Match(log).Groups[1].Value)!, recursive: true);

    private static string AddressIn(string line) => line["orchestrator at ".Length..].Split(' ')[0];

    private static Dictionary<string, Process> ChildrenIn(string output) => ChildLine().Matches(output).ToDictionary(
        match => match.Groups[1].Value, match => Process.GetProcessById(int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)));

    private static async Task AssertGoneAsync(Dictionary<string, Process> children)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        foreach (var child in children.Values)
        {
            await child.WaitForExitAsync(patience.Token);
            child.Dispose();
        }
    }

    [GeneratedRegex(@"Listening on unix:(\S+)")]
    private static partial Regex SocketPath();

    [GeneratedRegex(@"^([a-z0-9-]+): process (\d+)$", RegexOptions.Multiline)]
    private static partial Regex ChildLine();
}
