using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.ChaosTests.Traffic;

/// <summary>What came of an order.</summary>
/// <param name="Order">The order.</param>
/// <param name="Events">What the orchestrator sent, in order.</param>
/// <param name="Failure">How the call failed, or null where it ended with OK.</param>
internal sealed record Delivery(Order Order, IReadOnlyList<GenerateResponse> Events, RpcException? Failure)
{
    /// <summary>When it was ordered: time since the start of the run.</summary>
    public TimeSpan Begin { get; init; }

    /// <summary>When the call ended.</summary>
    public TimeSpan End { get; init; }

    /// <summary>The pictures' files; one where all went well.</summary>
    public IEnumerable<byte[]> Files => Events
        .Where(happened => happened.EventCase == GenerateResponse.EventOneofCase.Image)
        .Select(happened => happened.Image.Data.ToByteArray());

    /// <summary>The steps that the client was told of.</summary>
    public IEnumerable<StepCompleted> Steps => Events
        .Where(happened => happened.EventCase == GenerateResponse.EventOneofCase.Step)
        .Select(happened => happened.Step);

    /// <summary>The take-overs and moves that the client was told of.</summary>
    public IEnumerable<ReplicaChanged> ReplicaChanges => Events
        .Where(happened => happened.EventCase == GenerateResponse.EventOneofCase.ReplicaChanged)
        .Select(happened => happened.ReplicaChanged);

    /// <summary>The last event of an order that went well.</summary>
    public GenerationFinished? Finished => Events is [.., var last] ? last.Finished : null;

    /// <summary>Orders and waits for the end, whatever it is.</summary>
    /// <param name="client">The orchestrator.</param>
    /// <param name="order">What to order.</param>
    /// <param name="run">Tells two runs of the same order apart.</param>
    /// <param name="deadline">Time after which the call fails.</param>
    /// <param name="onEvent">Sees each event as it comes.</param>
    public static async Task<Delivery> OrderAsync(ImageGenerationService.ImageGenerationServiceClient client, Order order, string run,
        TimeSpan deadline, Action<GenerateResponse>? onEvent = null)
    {
        List<GenerateResponse> events = [];
        using var call = client.Generate(order.ToRequest(run), deadline: TimeProvider.System.GetUtcNow().UtcDateTime + deadline);
        try
        {
            await foreach (var happened in call.ResponseStream.ReadAllAsync())
            {
                events.Add(happened);
                onEvent?.Invoke(happened);
            }

            return new Delivery(order, events, null);
        }
        catch (RpcException failure)
        {
            return new Delivery(order, events, failure);
        }
    }
}
