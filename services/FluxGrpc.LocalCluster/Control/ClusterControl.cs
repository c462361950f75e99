using System.Threading.Channels;
using FluxGrpc.Cluster.V1;
using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.LocalCluster.Control;

/// <summary>Lets other processes of this user see and scale a cluster.</summary>
internal sealed class ClusterControl(ProcessCluster cluster) : LocalClusterService.LocalClusterServiceBase
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public override Task<GetProcessesResponse> GetProcesses(GetProcessesRequest request, ServerCallContext context) =>
        Task.FromResult(new GetProcessesResponse
        {
            ClusterName = cluster.Name,
            OrchestratorAddress = cluster.Address,
            Processes = { cluster.Describe() },
        });

    /// <inheritdoc/>
    public override async Task Scale(
        ScaleRequest request, IServerStreamWriter<ScaleResponse> responseStream, ServerCallContext context)
    {
        new Violations().CheckRange("denoisers", request.Denoisers, 1, ProcessCluster.MaxDenoisers).ThrowIfAny();

        // It starts, serves, drains, ends: at most four changes for each denoiser.
        var changes = Channel.CreateBounded<ClusterProcess>(4 * ProcessCluster.MaxDenoisers);
        var scaling = ScaleAsync(request.Denoisers, changes.Writer);
        await foreach (var change in changes.Reader.ReadAllAsync(context.CancellationToken))
            await responseStream.WriteAsync(new ScaleResponse { Process = change }, context.CancellationToken);
        try
        {
            await scaling;
        }
        catch (IOException exception)
        {
            throw RpcErrors.FailedPrecondition("REPLICA_DID_NOT_START", "denoisers", exception.Message);
        }
        catch (OperationCanceledException)
        {
            throw RpcErrors.Unavailable("CLUSTER_STOPPING", "The cluster is stopping", _retryDelay);
        }
    }

    private async Task ScaleAsync(int denoisers, ChannelWriter<ClusterProcess> changes)
    {
        try
        {
            await cluster.ScaleAsync(denoisers, change => changes.TryWrite(change));
        }
        finally
        {
            changes.Complete();
        }
    }
}
