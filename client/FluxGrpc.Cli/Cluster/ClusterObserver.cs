using System.Globalization;
using FluxGrpc.Channels;
using FluxGrpc.Client;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Cluster;

/// <summary>Asks a cluster, and the orchestrator in it, how they are.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="security">What to show the orchestrator at an address, and whom to trust there.</param>
internal sealed class ClusterObserver(ClusterConnection cluster, Func<ServiceAddress, FluxClientOptions> security) : IAsyncDisposable
{
    /// <summary>Time that the orchestrator gets: one that hangs must not hide what the cluster says.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(3);

    private FluxClient? _orchestrator;

    /// <summary>The cluster as it is now; an orchestrator that does not answer is a problem in it.</summary>
    /// <exception cref="FluxException">The cluster does not answer.</exception>
    public async Task<ClusterSnapshot> ObserveAsync(CancellationToken cancellation)
    {
        var processes = await cluster.GetProcessesAsync(cancellation);
        if (processes.OrchestratorAddress.Length == 0)
            return ClusterSnapshot.Of(processes, orchestrator: null, problem: null);

        _orchestrator ??= FluxClient.Connect(security(ServiceAddress.Parse(processes.OrchestratorAddress)));
        var (status, problem) = await AskAsync(_orchestrator, cancellation);
        return ClusterSnapshot.Of(processes, status, problem);
    }

    /// <summary>Hangs up.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_orchestrator is not null)
            await _orchestrator.DisposeAsync();
    }

    private static async Task<(GetStatusResponse? Status, string? Problem)> AskAsync(
        FluxClient orchestrator, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(_patience);
        try
        {
            return (await orchestrator.GetStatusAsync(patience.Token), null);
        }
        catch (FluxException exception)
        {
            return (null, exception.Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"no answer within {_patience.TotalSeconds:0} s"));
        }
    }
}
