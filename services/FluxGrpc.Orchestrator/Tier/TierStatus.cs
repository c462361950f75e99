using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>Describes every replica behind the orchestrator.</summary>
internal sealed class TierStatus(ModelTier tier, TimeProvider time)
{
    private static readonly TimeSpan _loadTimeout = TimeSpan.FromSeconds(2);

    /// <summary>One entry for each listed replica; denoisers that are ready are asked for their load, all at once.</summary>
    public async Task<IReadOnlyList<ComponentStatus>> DescribeAsync(CancellationToken cancellation) => await Task.WhenAll(
        from service in tier.Services
        from replica in service.Replicas.Replicas
        select DescribeAsync(service, replica, cancellation));

    private async Task<ComponentStatus> DescribeAsync(ServiceTier service, Replica replica, CancellationToken cancellation)
    {
        var problem = service.Replicas.ProblemOf(replica);
        var isDenoiser = service == tier.Denoisers;
        var status = new ComponentStatus
        {
            Component = service.Kind.Name,
            Ready = problem is null,
            Problem = problem ?? "",
            Address = replica.Address.ToString(),
            OutstandingWork = replica.Outstanding,
            Sessions = isDenoiser ? replica.Pieces : 0,
        };
        if (status.Ready && isDenoiser)
            await AddLoadAsync(status, replica, cancellation);
        return status;
    }

    /// <summary>A denoiser that does not answer in time is not ready.</summary>
    private async Task AddLoadAsync(ComponentStatus status, Replica replica, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(_loadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            var client = new DenoiserService.DenoiserServiceClient(replica.Channel);
            status.Load = await client.GetLoadAsync(new GetLoadRequest(), new CallOptions(cancellationToken: either.Token));
        }
        catch (RpcException failure)
        {
            cancellation.ThrowIfCancellationRequested();
            (status.Ready, status.Problem) = (false, timeout.IsCancellationRequested
                ? $"no answer within {_loadTimeout.TotalSeconds} s"
                : ComponentErrors.Translate(status.Component, failure).Status.Detail);
        }
    }
}
