using System.Collections.Concurrent;
using System.Threading.Channels;
using FluxGrpc.ChaosTests.History;
using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests.Traffic;

/// <summary>
/// Orders the pictures of a plan, so many at a time, and tells of every step that was done. Starts the plan anew for as long as it is
/// needed, unless an order fails.
/// </summary>
/// <param name="client">The orchestrator.</param>
/// <param name="timeline">Gets every event.</param>
/// <param name="name">Name of the run; goes into the request ids.</param>
internal sealed class TrafficRun(ImageGenerationService.ImageGenerationServiceClient client, Timeline timeline, string name)
{
    /// <summary>Far more than an image takes: one that hangs fails.</summary>
    private static readonly TimeSpan _deadline = TimeSpan.FromMinutes(4);

    private readonly ConcurrentBag<Delivery> _deliveries = [];
    private readonly Channel<string> _steps = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>The replica of each finished step; ends with the run.</summary>
    public ChannelReader<string> Steps => _steps.Reader;

    /// <summary>Carries the plan out, once at least.</summary>
    /// <param name="orders">The plan.</param>
    /// <param name="inFlight">Orders in hand at a time.</param>
    /// <param name="needed">The traffic goes on until this is complete.</param>
    /// <returns>The deliveries in the plan's order.</returns>
    public async Task<IReadOnlyList<Delivery>> RunAsync(IReadOnlyList<Order> orders, int inFlight, Task needed)
    {
        try
        {
            await Parallel.ForEachAsync(Repeat(orders, needed), new ParallelOptions { MaxDegreeOfParallelism = inFlight },
                async (next, _) => await OrderAsync(next.Order, $"{name}-{next.Round}"));
            return [.. _deliveries.OrderBy(delivery => delivery.Order.Number)];
        }
        finally
        {
            _steps.Writer.Complete();
        }
    }

    private IEnumerable<(Order Order, int Round)> Repeat(IReadOnlyList<Order> orders, Task needed)
    {
        for (var round = 1; round == 1 || !(needed.IsCompleted || _deliveries.Any(delivery => delivery.Failure is not null)); round++)
        {
            foreach (var order in orders)
                yield return (order, round);
        }
    }

    private async Task OrderAsync(Order order, string run)
    {
        timeline.Add($"{run}/{order}");
        var begin = timeline.Elapsed;
        var delivery = await Delivery.OrderAsync(client, order, run, _deadline, happened => Observe($"{run}/{order.Name}", happened));
        if (delivery.Failure is { } failure)
            timeline.Add($"{run}/{order.Name} FAILED: {failure.Status}");
        _deliveries.Add(delivery with { Begin = begin, End = timeline.Elapsed });
    }

    private void Observe(string order, GenerateResponse happened)
    {
        timeline.Add($"{order} {Describe(happened)}");
        if (happened.EventCase == GenerateResponse.EventOneofCase.Step)
            _steps.Writer.TryWrite(happened.Step.ReplicaId);
    }

    private static string Describe(GenerateResponse happened) => happened.EventCase switch
    {
        GenerateResponse.EventOneofCase.Step =>
            $"step {happened.Step.StepIndex + 1}/{happened.Step.Steps} by {happened.Step.ReplicaId}",
        GenerateResponse.EventOneofCase.ReplicaChanged => $"goes on at step {happened.ReplicaChanged.StepIndex + 1}: "
            + $"{happened.ReplicaChanged.FromReplicaId} -> {happened.ReplicaChanged.ToReplicaId}, {happened.ReplicaChanged.Reason}",
        GenerateResponse.EventOneofCase.Image => $"image, {happened.Image.Data.Length} bytes",
        GenerateResponse.EventOneofCase.Queued => $"waits behind {happened.Queued.Ahead}",
        GenerateResponse.EventOneofCase.Finished => $"finished, {happened.Finished.ReplicaChanges} replica changes, "
            + $"{happened.Finished.RepeatedSteps} steps repeated",
        _ => happened.EventCase.ToString(),
    };
}
