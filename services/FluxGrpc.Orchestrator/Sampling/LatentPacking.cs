namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// Turns latents x [C, H/8, W/8] into image tokens [N, 4C] and back: token (row, column) holds the 2×2 patch there, ordered by
/// channel, then row, then column within the patch. Reference: <c>rearrange("b c (h 2) (w 2) -> b (h w) (c 2 2)")</c>.
/// </summary>
public static class LatentPacking
{
    private const int Side = PatchGrid.PatchSide;

    /// <summary>Channels of a token for each latent channel.</summary>
    public const int PatchArea = Side * Side;

    /// <summary>Latents to tokens.</summary>
    /// <param name="latents">x [C, 2·rows, 2·columns].</param>
    /// <param name="grid">Rows and columns of patches.</param>
    /// <param name="packed">Receives the tokens [rows·columns, 4C].</param>
    /// <exception cref="ArgumentException">The lengths differ or are no multiple of the grid's patches.</exception>
    public static void Pack(ReadOnlySpan<float> latents, PatchGrid grid, Span<float> packed)
    {
        var channels = Channels(latents.Length, packed.Length, grid);
        var target = 0;
        for (var row = 0; row < grid.Rows; row++)
        {
            for (var column = 0; column < grid.Columns; column++)
            {
                for (var channel = 0; channel < channels; channel++)
                {
                    var source = Corner(grid, channel, row, column);
                    latents.Slice(source, Side).CopyTo(packed[target..]);
                    latents.Slice(source + Side * grid.Columns, Side).CopyTo(packed[(target + Side)..]);
                    target += PatchArea;
                }
            }
        }
    }

    /// <summary>Tokens to latents: the inverse of <see cref="Pack"/>. Reference: <c>unpack</c>.</summary>
    /// <param name="packed">Tokens [rows·columns, 4C].</param>
    /// <param name="grid">Rows and columns of patches.</param>
    /// <param name="latents">Receives x [C, 2·rows, 2·columns].</param>
    /// <exception cref="ArgumentException">The lengths differ or are no multiple of the grid's patches.</exception>
    public static void Unpack(ReadOnlySpan<float> packed, PatchGrid grid, Span<float> latents)
    {
        var channels = Channels(latents.Length, packed.Length, grid);
        var source = 0;
        for (var row = 0; row < grid.Rows; row++)
        {
            for (var column = 0; column < grid.Columns; column++)
            {
                for (var channel = 0; channel < channels; channel++)
                {
                    var target = Corner(grid, channel, row, column);
                    packed.Slice(source, Side).CopyTo(latents[target..]);
                    packed.Slice(source + Side, Side).CopyTo(latents[(target + Side * grid.Columns)..]);
                    source += PatchArea;
                }
            }
        }
    }

    /// <summary>Index in x of a patch's first latent.</summary>
    private static int Corner(PatchGrid grid, int channel, int row, int column)
    {
        var latentRow = Side * (channel * grid.Rows + row);
        return latentRow * Side * grid.Columns + Side * column;
    }

    private static int Channels(int latents, int packed, PatchGrid grid)
    {
        var perChannel = PatchArea * grid.TokenCount;
        return latents == packed && perChannel > 0 && latents % perChannel == 0
            ? latents / perChannel
            : throw new ArgumentException($"{latents} latents, {packed} packed; allowed: equal multiples of {perChannel}");
    }
}
