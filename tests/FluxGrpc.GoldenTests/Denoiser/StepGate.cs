using System.Collections.Concurrent;
using FluxGrpc.Denoiser;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Holds every pass at its beginning, on the device's thread, until it is let through, and remembers what was in it.</summary>
internal sealed class StepGate : IDisposable
{
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SemaphoreSlim _open = new(0);
    private readonly ConcurrentQueue<float[]> _passes = new();
    private readonly Action _remove;

    public StepGate(DenoiserModel model)
    {
        _remove = model.Transformer.register_forward_pre_hook((_, input) =>
        {
            _passes.Enqueue(input.Timesteps.to(ScalarType.Float32).data<float>().ToArray());
            _begun.Release();
            _open.Wait();
            return input;
        }).remove;
    }

    /// <summary>The timesteps in each pass that has begun.</summary>
    public IEnumerable<float[]> Passes => _passes;

    /// <summary>Completes when a pass has begun.</summary>
    public Task BegunAsync() => _begun.WaitAsync();

    /// <summary>Lets this and all further passes through.</summary>
    public void Open() => _open.Release(1000);

    /// <summary>Opens the gate for good; the device must have no step in hand.</summary>
    public void Dispose()
    {
        _remove();
        _begun.Dispose();
        _open.Dispose();
    }
}
