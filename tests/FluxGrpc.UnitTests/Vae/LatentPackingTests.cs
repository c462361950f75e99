using CsCheck;
using FluxGrpc.Vae;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Vae;

public sealed class LatentPackingTests
{
    [Fact]
    public void A_token_is_a_patch_of_two_by_two_latents_channel_by_channel()
    {
        using var scope = torch.NewDisposeScope();
        var packed = torch.arange(2 * 8, dtype: torch.ScalarType.Float32).reshape(1, 2, 8); // 1 row of 2 patches, 2 channels

        var latents = LatentPacking.Unpack(packed, rows: 1, columns: 2);

        Assert.Equal([1, 2, 2, 4], latents.shape);
        Assert.Equal([0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15], latents.data<float>().ToArray());
    }

    /// <summary>Row r of patches holds the latents of rows 2r and 2r + 1, and so along the columns.</summary>
    [Fact]
    public void Every_latent_comes_from_its_patch() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int[1, 4]).Sample((rows, columns, channels) =>
        {
            using var scope = torch.NewDisposeScope();
            var tokens = rows * columns;
            var packed = torch.arange(tokens * channels * 4, dtype: torch.ScalarType.Float32).reshape(1, tokens, channels * 4);

            var latents = LatentPacking.Unpack(packed, rows, columns);

            Assert.Equal([1, channels, 2 * rows, 2 * columns], latents.shape);
            var (values, source) = (latents.data<float>().ToArray(), packed.data<float>().ToArray());
            var next = 0;
            for (var channel = 0; channel < channels; channel++)
            {
                for (var y = 0; y < 2 * rows; y++)
                {
                    for (var x = 0; x < 2 * columns; x++)
                    {
                        var token = (y / 2 * columns) + (x / 2);
                        Assert.Equal(source[(token * channels * 4) + (channel * 4) + (y % 2 * 2) + (x % 2)], values[next++]);
                    }
                }
            }
        });
}
