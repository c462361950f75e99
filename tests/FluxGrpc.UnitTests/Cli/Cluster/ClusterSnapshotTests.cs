using FluxGrpc.Cli;
using FluxGrpc.Cli.Cluster;
using FluxGrpc.Cluster.V1;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Cli.Cluster;

/// <summary>What the cluster says of processes and what the orchestrator says of replicas, joined and drawn.</summary>
public sealed class ClusterSnapshotTests
{
    [Fact]
    public void Both_sides_are_joined_by_address()
    {
        var snapshot = ClusterSnapshot.Of(Processes(), Status(), problem: null);

        Assert.Equal(["vae", "denoiser-1", "denoiser-2", "orchestrator"], snapshot.Services.Select(service => service.Name));
        var denoiser = snapshot.Services[1];
        Assert.Equal((71, "cuda:0", "serving"), (denoiser.ProcessId, denoiser.Device, denoiser.State));
        Assert.Equal((3, 12_288L, 1.5, 2, 90L), (denoiser.Sessions, denoiser.OutstandingWork, denoiser.MeanBatchSize,
            denoiser.LastBatchSize, denoiser.StepsDone));
        Assert.Equal(2L << 20, denoiser.ResidentMemoryBytes);
        Assert.Equal(new QueueSnapshot(4, 2, 8192, 1), snapshot.Queue);
        Assert.Equal(new PromptCacheSnapshot(5, 1 << 20, 64 << 20, 7, 6), snapshot.PromptCache);
    }

    [Fact]
    public void A_denoiser_without_a_step_has_no_mean_and_one_that_the_orchestrator_lacks_has_its_problem()
    {
        var status = Status();
        status.Components[0].Load = new GetLoadResponse();
        status.Components.Add(new ComponentStatus { Address = "unix:/run/c/denoiser-2.sock", Problem = "another model" });
        var processes = Processes();
        processes.Processes[2].State = ProcessState.Serving;

        var services = ClusterSnapshot.Of(processes, status, problem: null).Services;

        Assert.Equal((0, null, null), (services[1].Sessions, services[1].MeanBatchSize, services[1].LastBatchSize));
        Assert.Equal("another model", services[2].Problem);
    }

    [Fact]
    public void A_process_that_starts_is_no_problem_of_the_orchestrators()
    {
        var status = Status();
        status.Components.Add(new ComponentStatus { Address = "unix:/run/c/denoiser-2.sock", Problem = "not reachable" });

        Assert.Null(ClusterSnapshot.Of(Processes(), status, problem: null).Services[2].Problem);
    }

    [Fact]
    public void The_table_has_a_row_for_each_service_and_the_queue_below()
    {
        var lines = Draw(ClusterSnapshot.Of(Processes(), Status(), problem: null));

        Assert.Equal("cluster-5f21c9: orchestrator at http://127.0.0.1:5000, sockets in /run/c", lines[0]);
        Assert.Equal("denoiser-1 71 cuda:0 serving 3 12,288 1.50 2 90 2 MiB denoiser-1.sock", Row(lines, "denoiser-1"));
        Assert.Equal("denoiser-2 72 cuda:1 starting, restarted x 2 – – – – – 0 B denoiser-2.sock", Row(lines, "denoiser-2"));
        Assert.Equal("orchestrator 73 serving – – – – – 1 MiB http://127.0.0.1:5000", Row(lines, "orchestrator"));
        Assert.Contains("queue:   4 generations in hand, 2 waiting (8,192 steps x tokens), 1 detached", lines);
        Assert.Contains("prompts: 5 remembered (1 MiB of 64 MiB), 7 hits, 6 misses", lines);
    }

    [Fact]
    public void The_table_says_why_the_orchestrator_does_not_answer()
    {
        var lines = Draw(ClusterSnapshot.Of(Processes(), orchestrator: null, "no answer within 3 s"));

        Assert.Contains("orchestrator: no answer within 3 s", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("queue:", StringComparison.Ordinal));
    }

    private static GetProcessesResponse Processes() => new()
    {
        ClusterName = "cluster-5f21c9",
        OrchestratorAddress = "http://127.0.0.1:5000",
        Processes =
        {
            new ClusterProcess { Name = "vae", ProcessId = 70, Address = "unix:/run/c/vae.sock", State = ProcessState.Serving },
            new ClusterProcess
            {
                Name = "denoiser-1", ProcessId = 71, Address = "unix:/run/c/denoiser-1.sock", Device = "cuda:0",
                State = ProcessState.Serving, ResidentMemoryBytes = 2 << 20,
            },
            new ClusterProcess
            {
                Name = "denoiser-2", ProcessId = 72, Address = "unix:/run/c/denoiser-2.sock", Device = "cuda:1",
                State = ProcessState.Starting, Restarts = 2,
            },
            new ClusterProcess
            {
                Name = "orchestrator", ProcessId = 73, Address = "http://127.0.0.1:5000", State = ProcessState.Serving,
                ResidentMemoryBytes = 1 << 20,
            },
        },
    };

    private static GetStatusResponse Status() => new()
    {
        Generations = 4,
        Waiting = 2,
        QueuedWork = 8192,
        Detached = 1,
        PromptCache = new PromptCacheStatus { Entries = 5, Bytes = 1 << 20, MaxBytes = 64 << 20, Hits = 7, Misses = 6 },
        Components =
        {
            new ComponentStatus
            {
                Component = "denoiser", Address = "unix:/run/c/denoiser-1.sock", Ready = true, OutstandingWork = 12_288, Sessions = 3,
                Load = new GetLoadResponse { Sessions = 3, StepsDone = 90, BatchesDone = 60, LastBatchSize = 2 },
            },
        },
    };

    private static string[] Draw(ClusterSnapshot snapshot)
    {
        var output = new StringWriter();
        new Terminal(output, TextWriter.Null, isInteractive: false).Drawing.Write(ClusterTable.Draw(snapshot));
        return [.. output.ToString().Split('\n').Select(line => line.Trim())];
    }

    /// <summary>A row's cells, with single spaces between them.</summary>
    private static string Row(string[] lines, string name) => string.Join(' ',
        lines.Single(line => line.StartsWith($"│ {name} ", StringComparison.Ordinal))
            .Split(['│', ' '], StringSplitOptions.RemoveEmptyEntries));
}
