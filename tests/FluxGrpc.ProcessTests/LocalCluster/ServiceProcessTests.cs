using System.Collections.Concurrent;
using System.Diagnostics;
using FluxGrpc.LocalCluster.Processes;
using Xunit;

namespace FluxGrpc.ProcessTests.LocalCluster;

/// <summary>The cluster's child processes, with shell scripts in the services' place.</summary>
public sealed class ServiceProcessTests
{
    private readonly ConcurrentQueue<string> _log = new();

    [Fact]
    public async Task Its_lines_are_forwarded_with_its_name()
    {
        await using var service = Start("echo one; echo two >&2");

        Assert.Equal(0, await service.Exited);
        Assert.Equal(["vae: one", "vae: two"], _log.Order());
    }

    [Fact]
    public async Task A_service_that_ends_before_it_serves_is_an_error_with_its_last_lines()
    {
        await using var service = Start("echo 'vae: there is no such checkpoint' >&2; exit 3");

        var exception = await Assert.ThrowsAsync<IOException>(() => service.WaitUntilServingAsync(CancellationToken.None));

        Assert.Equal("vae ended with exit code 3: vae: there is no such checkpoint", exception.Message);
    }

    [Fact]
    public async Task A_service_that_listens_and_then_ends_is_an_error_too()
    {
        await using var service = Start("echo Listening on unix:/nowhere/vae.sock; echo out of memory >&2; exit 1");

        var exception = await Assert.ThrowsAsync<IOException>(() => service.WaitUntilServingAsync(CancellationToken.None));

        Assert.Contains("exit code 1", exception.Message, StringComparison.Ordinal);
        Assert.Contains("out of memory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_asked_to_end_by_the_end_of_its_input()
    {
        var service = Start("cat > /dev/null; echo input ended");

        await service.DisposeAsync();

        Assert.Equal("vae: input ended", Assert.Single(_log));
    }

    [Fact]
    public async Task It_is_killed_where_it_does_not_listen()
    {
        await using var service = Start("trap '' TERM; while true; do sleep 1000; done");
        var processId = service.Id;

        await service.StopAsync(TimeSpan.FromMilliseconds(100));

        Assert.NotEqual(0, await service.Exited);
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(processId));
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        await using var service = Start("cat > /dev/null");
        using var cancellation = new CancellationTokenSource();

        var waiting = service.WaitUntilServingAsync(cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task It_is_killed_at_once_where_there_is_no_time()
    {
        await using var service = Start("trap '' TERM; while true; do sleep 1000; done");
        using var hurry = new CancellationTokenSource();

        var stop = service.StopAsync(TimeSpan.FromDays(1), hurry.Token);
        Assert.False(stop.IsCompleted);
        await hurry.CancelAsync();
        await stop;

        Assert.True(service.Exited.IsCompleted);
    }

    [Fact]
    public async Task Its_memory_is_known_while_it_runs()
    {
        await using var service = Start("cat > /dev/null");

        Assert.True(service.ResidentMemory > 0);
        await service.StopAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(0, service.ResidentMemory);
    }

    private ServiceProcess Start(string script) => ServiceProcess.Start("vae", "/bin/sh", ["-c", script], _log.Enqueue);
}
