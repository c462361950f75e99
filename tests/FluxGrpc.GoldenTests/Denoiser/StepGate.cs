using System.Collections.Concurrent;
using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Model;
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
        var time = (nn.Module<Tensor, Tensor>)model.Transformer.named_modules().Single(entry => entry.name == "time_in").module;
        _remove = time.register_forward_pre_hook((_, sinusoid) =>
        {
            _passes.Enqueue(Timesteps(sinusoid));
            _begun.Release();
            _open.Wait();
            return sinusoid;
        }).remove;
    }

    /// <summary>The timesteps in each pass that has begun.</summary>
    public IEnumerable<float[]> Passes => _passes;

    /// <summary>Reads the timesteps off their slowest wave, which stays below half a turn; to four decimals.</summary>
    private static float[] Timesteps(Tensor sinusoid)
    {
        var half = (int)sinusoid.shape[1] / 2;
        using var one = ones(1);
        using var wave = TimestepEmbedding.Compute(one, 2 * half, ScalarType.Float32);
        double Angle(Tensor waves, int row) => Math.Atan2(waves[row, (2 * half) - 1].item<float>(), waves[row, half - 1].item<float>());
        return [.. Enumerable.Range(0, (int)sinusoid.shape[0])
            .Select(row => MathF.Round((float)(Angle(sinusoid, row) / Angle(wave, 0)), 4))];
    }

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
