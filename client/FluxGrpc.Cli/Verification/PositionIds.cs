using FluxGrpc.Checkpoints;
using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Cli.Verification;

/// <summary>The reference's position ids, which the protocol sends as a grid.</summary>
internal static class PositionIds
{
    private const int AxisCount = 3;

    /// <summary>The grid whose ids these are.</summary>
    /// <param name="numbers">Has <c>img_ids</c> [B, N, 3] = (0, row, column) and <c>txt_ids</c> [B, L, 3] = zeros.</param>
    /// <param name="element">Index in the batch.</param>
    /// <exception cref="InvalidDataException">Other ids: the protocol has no room for them.</exception>
    public static PatchGrid GridOf(SafetensorsFile numbers, int element)
    {
        var ids = FloatArray.Read(numbers, "img_ids").Element(element).Values;
        if (ids.Length % AxisCount != 0)
            throw new InvalidDataException("img_ids do not have three axes");

        var tokens = ids.Chunk(AxisCount).ToList();
        var grid = new PatchGrid((int)tokens.Max(id => id[1]) + 1, (int)tokens.Max(id => id[2]) + 1);
        var isGrid = tokens.Count == grid.TokenCount && tokens.Index().All(token =>
            token.Item is [0, var row, var column] && row == token.Index / grid.Columns && column == token.Index % grid.Columns);
        if (!isGrid)
            throw new InvalidDataException("img_ids are not those of one grid, row by row");
        if (numbers.Tensors.ContainsKey("txt_ids") && FloatArray.Read(numbers, "txt_ids").Values.Any(id => id != 0))
            throw new InvalidDataException("txt_ids are not zero");
        return grid;
    }
}
