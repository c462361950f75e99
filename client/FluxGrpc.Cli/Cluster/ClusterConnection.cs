using System.Runtime.CompilerServices;
using FluxGrpc.Channels;
using FluxGrpc.Client;
using FluxGrpc.Cluster.V1;
using FluxGrpc.LocalCluster;
using Grpc.Core;
using Grpc.Net.Client;

namespace FluxGrpc.Cli.Cluster;

/// <summary>A cluster that runs on this machine, spoken to by its control socket.</summary>
internal sealed class ClusterConnection : IDisposable
{
    private readonly string _address;
    private readonly GrpcChannel _channel;
    private readonly LocalClusterService.LocalClusterServiceClient _service;

    private ClusterConnection(string address)
    {
        _address = address;
        _channel = ServiceChannel.Create(ServiceAddress.Parse(address));
        _service = new LocalClusterService.LocalClusterServiceClient(_channel);
    }

    /// <summary>Finds the cluster of a name, or the only one.</summary>
    /// <exception cref="CliException">There is none, or the name is needed.</exception>
    public static ClusterConnection Find(string? name) => new(Choose(RunningClusters.List(), name));

    /// <summary>Control address of the cluster of a name, or of the only one.</summary>
    /// <exception cref="CliException">There is none, or the name is needed.</exception>
    internal static string Choose(IReadOnlyList<(string Name, string ControlAddress)> running, string? name)
    {
        if (running.Count == 0)
            throw new CliException("no cluster of this user is running here; 'flux cluster' starts one");

        var fitting = running.Where(cluster => name is null || cluster.Name == name).ToList();
        var names = string.Join(", ", running.Select(cluster => cluster.Name));
        return fitting switch
        {
            [var only] => only.ControlAddress,
            [] => throw new CliException($"no cluster '{name}' is running here; running: {names}"),
            _ => throw new CliException($"several clusters are running; name one with --cluster: {names}"),
        };
    }

    /// <summary>The cluster's processes.</summary>
    /// <exception cref="FluxException">The cluster does not answer.</exception>
    public Task<GetProcessesResponse> GetProcessesAsync(CancellationToken cancellation) =>
        CallAsync(async () => await _service.GetProcessesAsync(new(), cancellationToken: cancellation), cancellation);

    /// <summary>Scales, and tells of each denoiser that has another state; ends when all is done.</summary>
    /// <exception cref="FluxException">It did not work.</exception>
    public async IAsyncEnumerable<ClusterProcess> ScaleAsync(
        int denoisers, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var call = _service.Scale(new ScaleRequest { Denoisers = denoisers }, cancellationToken: cancellation);
        while (await CallAsync(() => call.ResponseStream.MoveNext(cancellation), cancellation))
            yield return call.ResponseStream.Current.Process;
    }

    /// <summary>Hangs up.</summary>
    public void Dispose() => _channel.Dispose();

    private async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await call();
        }
        catch (RpcException exception)
        {
            cancellation.ThrowIfCancellationRequested();
            throw FluxException.From(exception, _address);
        }
    }
}
