using Grpc.Core;
using Grpc.Health.V1;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>Follows one service's health by grpc.health.v1 Watch, connecting again whenever the watch breaks.</summary>
/// <param name="component">The service.</param>
/// <param name="changed">Called after each news, and after each broken watch.</param>
/// <param name="time">The clock of the delays between connections.</param>
internal sealed class ComponentHealth(Component component, Action changed, TimeProvider time)
{
    private static readonly TimeSpan _firstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromSeconds(2);

    private volatile string? _problem = "no answer yet";
    private volatile bool _hasReported;

    /// <summary>The service.</summary>
    public Component Component => component;

    /// <summary>The service's name.</summary>
    public string Name => component.Name;

    /// <summary>What keeps the service from working, or null where it is SERVING.</summary>
    public string? Problem => _problem;

    /// <summary>False before the first news, good or bad.</summary>
    public bool HasReported => _hasReported;

    /// <summary>Watches until cancelled.</summary>
    public async Task WatchAsync(CancellationToken cancellation)
    {
        var health = new Health.HealthClient(component.Channel);
        var delay = _firstDelay;
        while (true)
        {
            try
            {
                await component.CallOnceAsync(async call =>
                {
                    using var watch = health.Watch(new HealthCheckRequest(), call);
                    while (await watch.ResponseStream.MoveNext(cancellation))
                    {
                        delay = _firstDelay;
                        Report(ProblemOf(watch.ResponseStream.Current.Status));
                    }
                }, new CallOptions(cancellationToken: cancellation));
                Report("the service is stopping");
            }
            catch (RpcException failure)
            {
                Report(failure.Status.Detail);
            }

            await Task.Delay(delay, time, cancellation);
            delay = delay < _longestDelay / 2 ? 2 * delay : _longestDelay;
        }
    }

    private void Report(string? problem)
    {
        _problem = problem;
        _hasReported = true;
        changed();
    }

    private static string? ProblemOf(HealthCheckResponse.Types.ServingStatus status) =>
        status == HealthCheckResponse.Types.ServingStatus.Serving ? null : "the weights are loading or the service is stopping";
}
