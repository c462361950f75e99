using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// What an image keeps between its steps, so that a step may skip all blocks but the first: where the first block changes the image
/// tokens nearly as it did at the last computed step, the change by the others is guessed. Reference: ParaAttention's
/// <c>first_block_cache</c>, with a decision for each image in place of one for the batch.
/// </summary>
/// <remarks>
/// The guess is not the last change, as in the reference, but goes on as far from there as the first block's own change did, token by
/// token: from the line through the two last computed steps. The idea is DiCache's (Bu et al. 2025), "cache trajectory alignment".
/// </remarks>
/// <param name="threshold">Relative difference below which two changes count as the same, above 0.</param>
public sealed class FirstBlockCache(float threshold) : IDisposable
{
    // A token goes on for at most so many times the way between the two computed steps.
    private static readonly Scalar _farthest = 3;
    private static readonly Scalar _nowhere = 0;
    private static readonly Scalar _smallestSquare = 1e-20;

    private Tensor? _change;
    private Tensor? _rest;
    private Tensor? _changeSlope;
    private Tensor? _restSlope;

    /// <summary>
    /// Guesses what the blocks behind the first would change, where they need not run: mean |R₀ − R| / mean |R₀| is below the threshold.
    /// </summary>
    /// <param name="change">The first block's change R of the image tokens [1, N, D].</param>
    /// <returns>[1, N, D], the caller's or its scope's to dispose; null where they must run.</returns>
    public Tensor? Guess(Tensor change)
    {
        if (_change is null)
            return null;

        using var scope = NewDisposeScope();
        var former = _change.to(ScalarType.Float32);
        var moved = change.to(ScalarType.Float32) - former;
        if (!((moved.abs().mean() / former.abs().mean()).item<float>() < threshold))    // So written, NaN does not pass.
            return null;
        if (_changeSlope is null)
            return _rest!.alias().MoveToOuterDisposeScope();

        var slope = _changeSlope.to(ScalarType.Float32);
        var along = (moved * slope).sum(-1, keepdim: true) / slope.square().sum(-1, keepdim: true).clamp_min(_smallestSquare);
        return (_rest! + _restSlope! * along.clamp(_nowhere, _farthest).to(_restSlope!.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>Remembers a computed step.</summary>
    /// <param name="change">The first block's change of the image tokens [1, N, D].</param>
    /// <param name="rest">The change by all other blocks [1, N, D].</param>
    public void Store(Tensor change, Tensor rest)
    {
        var (changeSlope, restSlope) = _change is null ? (null, null) : (change - _change, rest - _rest!);
        Dispose();
        // Copies: a part of a batch would keep the whole batch in memory.
        _change = change.clone().DetachFromDisposeScope();
        _rest = rest.clone().DetachFromDisposeScope();
        _changeSlope = changeSlope?.DetachFromDisposeScope();
        _restSlope = restSlope?.DetachFromDisposeScope();
    }

    /// <summary>Forgets everything.</summary>
    public void Dispose()
    {
        foreach (var tensor in (Tensor?[])[_change, _rest, _changeSlope, _restSlope])
            tensor?.Dispose();
        (_change, _rest, _changeSlope, _restSlope) = (null, null, null, null);
    }
}
