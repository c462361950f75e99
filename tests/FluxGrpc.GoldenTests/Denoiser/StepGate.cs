using FluxGrpc.Denoiser;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Holds every step at its beginning, on the device's thread, until it is let through.</summary>
internal sealed class StepGate : IDisposable
{
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SemaphoreSlim _open = new(0);
    private readonly Action _remove;

    public StepGate(DenoiserModel model)
    {
        _remove = model.Transformer.register_forward_pre_hook((_, input) =>
        {
            _begun.Release();
            _open.Wait();
            return input;
        }).remove;
    }

    /// <summary>Completes when a step has begun.</summary>
    public Task BegunAsync() => _begun.WaitAsync();

    /// <summary>Lets this and all further steps through.</summary>
    public void Open() => _open.Release(1000);

    /// <summary>Opens the gate for good; the device must have no step in hand.</summary>
    public void Dispose()
    {
        _remove();
        _begun.Dispose();
        _open.Dispose();
    }
}
