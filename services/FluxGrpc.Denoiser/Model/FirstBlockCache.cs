using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// What an image keeps between its steps, so that a step may skip all blocks but the first: where the first block changes the image
/// tokens nearly as it did at the last computed step, the others are taken to do so too. Reference: ParaAttention's
/// <c>first_block_cache</c>, with a decision for each image in place of one for the batch.
/// </summary>
/// <param name="threshold">Relative difference below which two changes count as the same, above 0.</param>
public sealed class FirstBlockCache(float threshold) : IDisposable
{
    private Tensor? _change;
    private Tensor? _rest;

    /// <summary>What the blocks behind the first changed at the last computed step [1, N, D].</summary>
    /// <exception cref="InvalidOperationException">No step was computed yet.</exception>
    public Tensor Rest => _rest ?? throw new InvalidOperationException("No step was computed yet.");

    /// <summary>True where the blocks behind the first need not run: mean |R₀ − R| / mean |R₀| is below the threshold.</summary>
    /// <param name="change">The first block's change R of the image tokens [1, N, D].</param>
    public bool Fits(Tensor change)
    {
        if (_change is null)
            return false;

        using var scope = NewDisposeScope();
        var former = _change.to(ScalarType.Float32);
        var difference = (former - change.to(ScalarType.Float32)).abs().mean() / former.abs().mean();
        return difference.item<float>() < threshold;    // False for NaN, too.
    }

    /// <summary>Remembers a computed step.</summary>
    /// <param name="change">The first block's change of the image tokens [1, N, D].</param>
    /// <param name="rest">The change by all other blocks [1, N, D].</param>
    public void Store(Tensor change, Tensor rest)
    {
        Dispose();
        // Copies: a part of a batch would keep the whole batch in memory.
        _change = change.clone().DetachFromDisposeScope();
        _rest = rest.clone().DetachFromDisposeScope();
    }

    /// <summary>Forgets everything.</summary>
    public void Dispose()
    {
        _change?.Dispose();
        _rest?.Dispose();
        (_change, _rest) = (null, null);
    }
}
