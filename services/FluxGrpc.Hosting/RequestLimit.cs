using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.Hosting;

/// <summary>Bounds the requests that a service has in hand, waiting or running.</summary>
/// <param name="most">How many there may be.</param>
public sealed class RequestLimit(int most)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private int _inHand;

    /// <summary>Requests in hand.</summary>
    public int InHand => Volatile.Read(ref _inHand);

    /// <summary>Takes a place; it is free again when the result is disposed.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: all are taken.</exception>
    public IDisposable Enter()
    {
        if (Interlocked.Increment(ref _inHand) > most)
        {
            Interlocked.Decrement(ref _inHand);
            throw RpcErrors.ResourceExhausted("TOO_MANY_REQUESTS", $"{most} requests are in hand already", _retryDelay);
        }

        return new Place(this);
    }

    private sealed class Place(RequestLimit limit) : IDisposable
    {
        private RequestLimit? _limit = limit;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _limit, null) is { } taken)
                Interlocked.Decrement(ref taken._inHand);
        }
    }
}
