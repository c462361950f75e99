using FluxGrpc.Denoiser.Model;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class FirstBlockCacheTests : IDisposable
{
    private const float Never = 1e-9f;
    private const float Often = 0.5f;

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly FluxTransformer _transformer;

    public FirstBlockCacheTests()
    {
        random.manual_seed(5);
        _transformer = new FluxTransformer(SmallTransformer.Config);
        using var noGradients = no_grad();
        foreach (var parameter in _transformer.parameters())
            parameter.copy_(randn(parameter.shape) * 0.3);
    }

    public void Dispose()
    {
        _transformer.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void A_threshold_that_nothing_meets_gives_the_same_bytes()
    {
        var input = SmallTransformer.Input(2);
        using FirstBlockCache one = new(Never), other = new(Never);
        for (var step = 0; step < 2; step++)
        {
            var moved = input with { Latents = input.Latents * (1 + 0.1 * step) };
            var (velocity, reused) = Predict(moved, one, other);
            Assert.Equal([false, false], reused);
            Assert.Equal(Bytes(Computed(moved)), Bytes(velocity));
        }
    }

    [Fact]
    public void A_step_like_the_last_computed_one_takes_over_what_its_blocks_did()
    {
        var input = SmallTransformer.Input(1);
        using var cache = new FirstBlockCache(Often);
        Predict(input, cache);

        var (velocity, reused) = Predict(input, cache);

        Assert.Equal([true], reused);
        Assert.True(allclose(Computed(input), velocity, rtol: 1e-4, atol: 1e-5)); // x + (y − x) is y but for rounding.
    }

    [Fact]
    public void Each_image_of_a_batch_decides_for_itself()
    {
        var both = SmallTransformer.Input(2);
        var first = Sample(both, 0);
        using FirstBlockCache known = new(Often), fresh = new(Often);
        Predict(first, known);

        var (velocity, reused) = Predict(both, known, fresh);

        Assert.Equal([true, false], reused);
        Assert.True(allclose(Computed(both), velocity, rtol: 1e-4, atol: 1e-5));
        Assert.Equal([false], Predict(Sample(both, 1)).Reused);                 // One without a cache computes every step.
        Assert.Equal([true, true, false], Predict(SmallTransformer.Input(3) with
        {
            Latents = cat([both.Latents, both.Latents.narrow(0, 0, 1)]),
            HiddenStates = cat([both.HiddenStates, both.HiddenStates.narrow(0, 0, 1)]),
            Pooled = cat([both.Pooled, both.Pooled.narrow(0, 0, 1)]),
            Timesteps = cat([both.Timesteps, both.Timesteps.narrow(0, 0, 1)]),
            Guidance = cat([both.Guidance!, both.Guidance!.narrow(0, 0, 1)]),
        }, known, fresh, null).Reused);
    }

    /// <summary>The change is compared with that of the last computed step: small drifts add up until a step is computed again.</summary>
    [Fact]
    public void Drifting_away_ends_the_reuse()
    {
        var input = SmallTransformer.Input(1);
        var elsewhere = randn_like(input.Latents);
        using var cache = new FirstBlockCache(0.1f);

        var reused = Enumerable.Range(0, 30).Select(step =>
            Predict(input with { Latents = input.Latents + elsewhere * (0.1 * step) }, cache).Reused[0]).ToArray();

        Assert.False(reused[0]);
        Assert.True(reused[1]);
        Assert.InRange(reused.Count(isReused => !isReused), 3, 27);
    }

    /// <summary>Each token's rest goes as far along its own line as the first block's change did, not back, and not for ever.</summary>
    [Fact]
    public void What_is_skipped_goes_on_as_the_first_block_does()
    {
        float[] gone = [1, 0.5f, 0, -2, 50], wanted = [1, 0.5f, 0, 0, 3];
        Tensor change = randn(1, gone.Length, 8), changeSlope = randn(1, gone.Length, 8);
        Tensor rest = randn(1, gone.Length, 8), restSlope = randn(1, gone.Length, 8);
        using var cache = new FirstBlockCache(threshold: 1e6f);
        cache.Store(change, rest);
        cache.Store(change + changeSlope, rest + restSlope);

        var guess = cache.Guess(change + changeSlope * (1 + Column(gone)));

        Assert.True(allclose(rest + restSlope * (1 + Column(wanted)), guess!, rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Tokens_that_never_change_are_no_trouble()
    {
        Tensor change = ones(1, 2, 8), rest = randn(1, 2, 8);
        using var cache = new FirstBlockCache(Often);
        cache.Store(change, rest);
        cache.Store(change, rest);

        Assert.True(allclose(rest, cache.Guess(change)!));
    }

    private static Tensor Column(float[] values) => tensor(values).view(1, -1, 1);

    private (Tensor Velocity, bool[] Reused) Predict(TransformerInput input, params FirstBlockCache?[] caches)
    {
        using var noGradients = no_grad();
        var conditioning = _transformer.Embed(input.HiddenStates, input.Pooled, input.Guidance, input.Positions);
        return _transformer.Predict(input.Latents, input.Timesteps, conditioning, caches.Length == 0 ? [null] : caches);
    }

    private Tensor Computed(TransformerInput input)
    {
        using var noGradients = no_grad();
        return _transformer.call(input);
    }

    private static TransformerInput Sample(TransformerInput batch, int index) => batch with
    {
        Latents = batch.Latents.narrow(0, index, 1),
        HiddenStates = batch.HiddenStates.narrow(0, index, 1),
        Pooled = batch.Pooled.narrow(0, index, 1),
        Timesteps = batch.Timesteps.narrow(0, index, 1),
        Guidance = batch.Guidance!.narrow(0, index, 1),
    };

    private static byte[] Bytes(Tensor tensor) => tensor.detach().contiguous().bytes.ToArray();
}
