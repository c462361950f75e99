using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// Rotary position embedding over several axes. Each pair of adjacent elements (x₀, x₁), (x₂, x₃), … of a head is one complex
/// number x₀ + i·x₁, and position p turns pair i of an axis of size s by the angle p·theta^(−2i/s).
/// Reference: <c>rope</c>, <c>EmbedND</c>.
/// </summary>
public static class Rope
{
    /// <summary>Axes of a position: index of the image (0), row, column.</summary>
    public const int AxisCount = 3;

    /// <summary>Positions of a text and an image: text tokens all at the origin, then the image's patches row by row.</summary>
    /// <param name="textTokens">Text tokens L.</param>
    /// <param name="rows">Rows of the patch grid.</param>
    /// <param name="columns">Columns of the patch grid.</param>
    /// <param name="device">Device of the result.</param>
    /// <returns>[1, L + rows·columns, 3], float32: (0, row, column). Reference: <c>img_ids</c>, <c>txt_ids</c>.</returns>
    public static Tensor Positions(long textTokens, long rows, long columns, Device? device = null)
    {
        using var scope = NewDisposeScope();
        var row = arange(rows, dtype: ScalarType.Float32, device: device).unsqueeze(1).expand(rows, columns);
        var column = arange(columns, dtype: ScalarType.Float32, device: device).unsqueeze(0).expand(rows, columns);
        var image = stack([zeros_like(row), row, column], dim: -1).flatten(0, 1);                // [N, 3]
        var text = zeros(textTokens, AxisCount, dtype: ScalarType.Float32, device: device);      // [L, 3]
        return cat([text, image]).unsqueeze(0).MoveToOuterDisposeScope();
    }

    /// <summary>The rotation of every pair at every position. Angles are float64, as the reference's are.</summary>
    /// <param name="positions">[B, T, axes].</param>
    /// <param name="axesSizes">Elements of a head that each axis turns; their sum is d.</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <returns>[B, 1, T, d/2], complex64: cos + i·sin.</returns>
    public static Tensor Table(Tensor positions, IReadOnlyList<long> axesSizes, double theta)
    {
        using var scope = NewDisposeScope();
        var angles = cat([.. axesSizes.Select((size, axis) => Angles(positions.select(-1, axis), size, theta))], dim: -1);
        var parts = stack([angles.cos(), angles.sin()], dim: -1).to(ScalarType.Float32);         // [B, T, d/2, 2]
        return parts.view_as_complex().unsqueeze(1).MoveToOuterDisposeScope();
    }

    /// <summary>[B, T] → [B, T, size/2], float64.</summary>
    private static Tensor Angles(Tensor position, long size, double theta)
    {
        var frequencies = Enumerable.Range(0, (int)size / 2).Select(i => Math.Pow(theta, -2.0 * i / size)).ToArray();
        return position.to(ScalarType.Float64).unsqueeze(-1) * tensor(frequencies, ScalarType.Float64, position.device);
    }
}
