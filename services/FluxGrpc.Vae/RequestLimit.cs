using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.Vae;

/// <summary>Bounds the requests in hand.</summary>
internal sealed class RequestLimit(VaeOptions options)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private int _inHand;

    /// <summary>Takes a place; it is free again when the result is disposed.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: all are taken.</exception>
    public IDisposable Enter()
    {
        if (Interlocked.Increment(ref _inHand) > options.MaxRequests)
        {
            Interlocked.Decrement(ref _inHand);
            throw RpcErrors.ResourceExhausted("TOO_MANY_REQUESTS", $"{options.MaxRequests} requests are in hand already", _retryDelay);
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
