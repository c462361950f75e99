using System.Text.RegularExpressions;
using FluxGrpc.LocalCluster;
using Xunit;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux cluster</c>: processes that live and die together.</summary>
public sealed class ClusterTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task It_serves_pictures_from_all_its_denoisers_and_Ctrl_C_ends_all()
    {
        await using var cluster = await RunningFluxCluster.StartAsync("--denoisers", "2", "--weight-dtype", "int8");
        var children = cluster.Children();
        Assert.Equal(5, children.Count);

        var files = new List<string>();
        foreach (var name in new[] { "one.png", "two.png" })
        {
            files.Add(Path.Combine(_folder.FullName, name));
            await GenerateAsync(cluster, files[^1]);
        }

        var page = await PageAsync(cluster);
        var info = await FluxProcess.RunAsync("info", "--server", cluster.Address);
        cluster.Process.Interrupt();
        await cluster.Process.WaitForExitAsync();

        Assert.Equal(File.ReadAllBytes(files[0]), File.ReadAllBytes(files[1]));
        Assert.Contains("<title>FluxGrpc</title>", page, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(info.Output, "2 steps done"));
        Assert.Equal(1, Regex.Count(info.Output, " int8")); // The denoisers alone, which are one model.
        Assert.Equal(0, cluster.Process.ExitCode);
        await RunningFluxCluster.AssertGoneAsync(children.Values);
        Assert.Empty(cluster.SocketFolders);
    }

    [Fact]
    public async Task No_child_outlives_it_when_it_is_killed_and_the_next_command_cleans_up()
    {
        await using var cluster = await RunningFluxCluster.StartAsync();
        var children = cluster.Children();
        Assert.Equal(4, children.Count);

        cluster.Process.Kill();

        await RunningFluxCluster.AssertGoneAsync(children.Values);
        Assert.NotEmpty(cluster.SocketFolders); // Nobody was left to do it.
        var status = await cluster.RunAsync("status");
        Assert.Equal(1, status.ExitCode);
        Assert.Equal("flux: no cluster of this user is running here; 'flux cluster' starts one", status.Error);
        Assert.Empty(cluster.SocketFolders);
    }

    [Theory]
    [InlineData("denoiser-1")]
    [InlineData("vae")]
    [InlineData("orchestrator")]
    public async Task A_service_that_is_killed_is_started_again(string name)
    {
        await using var cluster = await RunningFluxCluster.StartAsync();
        var child = cluster.Children()[name];

        child.Kill();
        await cluster.Process.WaitForLineAsync($"cluster: {name} ended with exit code 137; it is started again in 0.5 s");
        await cluster.Process.WaitForLineAsync($"cluster: {name} serves again");

        var service = (await cluster.StatusAsync()).GetProperty("services").EnumerateArray()
            .Single(service => service.GetProperty("name").GetString() == name);
        Assert.Equal(1, service.GetProperty("restarts").GetInt32());
        Assert.NotEqual(child.Id, service.GetProperty("processId").GetInt32());
        await GenerateAsync(cluster, Path.Combine(_folder.FullName, "again.png"));
        Assert.Contains("<title>FluxGrpc</title>", await PageAsync(cluster), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_cannot_start_ends_the_cluster_with_its_message()
    {
        var run = await FluxProcess.RunAsync("cluster", "--model", _folder.FullName, "--web-port", "0");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("ended with exit code 1", run.Error.Split('\n')[^1], StringComparison.Ordinal);
        Assert.Contains(_folder.FullName, run.Error.Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_denoiser_that_cannot_start_ends_the_scaling_and_one_that_cannot_start_again_ends_the_cluster()
    {
        foreach (var component in Directory.EnumerateFileSystemEntries(EmbeddedCheckpoint.Folder))
            Directory.CreateSymbolicLink(Path.Combine(_folder.FullName, Path.GetFileName(component)), component);
        await using var cluster = await RunningFluxCluster.StartAsync("--model", _folder.FullName);
        var children = cluster.Children();
        Directory.Delete(Path.Combine(_folder.FullName, "transformer"));

        var scaling = await cluster.RunAsync("scale", "3");
        var status = await cluster.StatusAsync();
        children["denoiser-1"].Kill();
        await cluster.Process.WaitForExitAsync();

        Assert.Equal(1, scaling.ExitCode);
        Assert.Matches("^flux: denoiser-[23] ended with exit code 1: .*transformer", scaling.Error);
        Assert.Equal(4, status.GetProperty("services").GetArrayLength());
        Assert.Equal(1, cluster.Process.ExitCode);
        Assert.Matches("^flux: 5 starts of denoiser-1 failed in a row; the last: denoiser-1 ended with exit code 1: .*transformer",
            cluster.Process.Error.Split('\n')[^1]);
        await RunningFluxCluster.AssertGoneAsync(children.Values);
    }

    private static async Task<string> PageAsync(RunningFluxCluster cluster)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri(cluster.WebAddress));
    }

    private static async Task GenerateAsync(RunningFluxCluster cluster, string file)
    {
        var run = await FluxProcess.RunAsync("generate", "a red circle", "--server", cluster.Address, "--output", file,
            "--width", "64", "--height", "64", "--steps", "2", "--seed", "3");
        Assert.True(run.ExitCode == 0, $"{run.Error}\n{cluster.Process.Error}");
    }
}
