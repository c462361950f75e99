using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Admission;

/// <summary>Bounds the number of generations at once.</summary>
internal sealed class GenerationSlots(int limit)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private int _taken;

    /// <summary>Generations in hand.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Takes a slot until the result is disposed.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: all are taken.</exception>
    public IDisposable Take()
    {
        if (Interlocked.Increment(ref _taken) <= limit)
            return new Slot(this);
        Interlocked.Decrement(ref _taken);
        throw RpcErrors.ResourceExhausted(
            "TOO_MANY_GENERATIONS", $"{limit} generations are in hand; no more are taken at once", _retryDelay);
    }

    private sealed class Slot(GenerationSlots slots) : IDisposable
    {
        private int _returned;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _returned, 1) == 0)
                Interlocked.Decrement(ref slots._taken);
        }
    }
}
