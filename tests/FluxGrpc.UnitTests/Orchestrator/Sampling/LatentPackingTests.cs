using CsCheck;
using FluxGrpc.Orchestrator.Sampling;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Sampling;

public sealed class LatentPackingTests
{
    [Fact]
    public void A_token_holds_its_patch_by_channel_then_row_then_column()
    {
        // Two channels of 2 × 4 latents: tokens are the left and the right patch.
        float[] latents =
        [
            0, 1, 2, 3,
            4, 5, 6, 7,

            10, 11, 12, 13,
            14, 15, 16, 17,
        ];
        var packed = new float[latents.Length];

        LatentPacking.Pack(latents, new PatchGrid(1, 2), packed);

        Assert.Equal([0, 1, 4, 5, 10, 11, 14, 15, 2, 3, 6, 7, 12, 13, 16, 17], packed);
    }

    [Fact]
    public void Unpacking_undoes_packing() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int[1, 20]).Sample((rows, columns, channels) =>
        {
            var grid = new PatchGrid(rows, columns);
            float[] latents = [.. Enumerable.Range(0, LatentPacking.PatchArea * grid.TokenCount * channels)];
            var (packed, unpacked) = (new float[latents.Length], new float[latents.Length]);

            LatentPacking.Pack(latents, grid, packed);
            LatentPacking.Unpack(packed, grid, unpacked);

            Assert.Equal(latents, unpacked);
            Assert.Equal(latents, packed.Order());
        });

    [Theory]
    [InlineData(16, 8)]
    [InlineData(12, 12)]
    public void Lengths_that_do_not_fit_are_refused(int latents, int packed) =>
        Assert.Throws<ArgumentException>(() => LatentPacking.Pack(new float[latents], new PatchGrid(1, 2), new float[packed]));

    [Theory]
    [InlineData(0, 16)]
    [InlineData(17, 16)]
    [InlineData(16, -16)]
    public void Sizes_that_are_no_multiples_have_no_grid(int width, int height) =>
        Assert.Throws<ArgumentException>(() => PatchGrid.OfPixels(width, height));

    [Fact]
    public void A_grid_knows_its_pixels()
    {
        var grid = PatchGrid.OfPixels(width: 160, height: 96);

        Assert.Equal(new PatchGrid(6, 10), grid);
        Assert.Equal((160, 96, 60), (grid.Width, grid.Height, grid.TokenCount));
        Assert.Equal((6, 10), (grid.ToMessage().Rows, grid.ToMessage().Columns));
    }
}
