using FluxGrpc.Vae.Model;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Vae;

public sealed class PictureTilesTests : IDisposable
{
    private const int Downscale = 8;

    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(16, 16, 1)]     // 128 × 128 pixels: just within the limit.
    [InlineData(17, 16, 2)]
    [InlineData(16, 40, 3)]
    [InlineData(64, 64, 25)]
    [InlineData(9, 200, 10)]
    public void Tiles_cover_the_picture_and_keep_within_the_limit(int rows, int columns, int mostTiles)
    {
        var (down, across) = new PictureTiles(Downscale, 128 * 128).Layout(rows, columns);

        Assert.InRange(down.Length * across.Length, 1, mostTiles);
        Assert.All(down, row => Assert.All(across, column =>
            Assert.InRange(row.Length * column.Length * Downscale * Downscale, 1, 128 * 128)));
        foreach (var (spans, size) in new[] { (down, rows), (across, columns) })
        {
            Assert.Equal(0, spans[0].Start);
            Assert.Equal(size, spans[^1].Start + spans[^1].Length);
            Assert.All(spans.Skip(1), span => Assert.InRange(span.OverlapBefore, 1, span.Length));
        }
    }

    [Fact]
    public void A_picture_within_the_limit_is_computed_at_once()
    {
        var calls = 0;
        var latents = randn(1, 4, 16, 16);

        var image = new PictureTiles(Downscale, 128 * 128).Decode(latents, whole =>
        {
            calls++;
            Assert.Same(latents, whole);
            return whole.repeat_interleave(Downscale, 2).repeat_interleave(Downscale, 3);
        });

        Assert.Equal(1, calls);
        Assert.Equal([1, 4, 128, 128], image.shape);
    }

    /// <summary>What does not depend on its surroundings comes out as if there were no tiles.</summary>
    [Fact]
    public void Tiles_of_a_local_computation_make_the_whole()
    {
        var latents = randn(2, 4, 30, 50);
        var tiles = new PictureTiles(Downscale, 128 * 128);

        var image = tiles.Decode(latents, Enlarge);
        var back = tiles.Encode(image, tile => tile.slice(2, 0, tile.shape[2], Downscale).slice(3, 0, tile.shape[3], Downscale));

        Assert.True(allclose(Enlarge(latents), image, rtol: 1e-5, atol: 1e-6));
        Assert.True(allclose(latents, back, rtol: 1e-5, atol: 1e-6));
    }

    /// <summary>Where neighbors disagree the picture passes from one to the other without a step.</summary>
    [Fact]
    public void Seams_are_blended()
    {
        var tile = 0;
        var image = new PictureTiles(Downscale, 128 * 128)
            .Decode(zeros(1, 1, 16, 28), latents => zeros(1, 1, 128, latents.shape[3] * Downscale) + tile++);

        var row = image[0, 0, 64].data<float>().ToArray();
        Assert.Equal((0f, 1f), (row[0], row[^1]));
        Assert.All(row.Zip(row.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 0, 0.05));
    }

    [Fact]
    public void A_request_that_was_cancelled_computes_no_further_tile()
    {
        using var cancellation = new CancellationTokenSource();
        var calls = 0;

        Assert.Throws<OperationCanceledException>(() => new PictureTiles(Downscale, 128 * 128).Decode(zeros(1, 1, 64, 64), latents =>
        {
            calls++;
            cancellation.Cancel();
            return Enlarge(latents);
        }, cancellation.Token));

        Assert.Equal(1, calls);
    }

    private static Tensor Enlarge(Tensor latents) => latents.repeat_interleave(Downscale, 2).repeat_interleave(Downscale, 3);
}
