using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>
/// Computes a picture that is too large for the memory in tiles. Neighbors overlap by a quarter, where they are mixed linearly. Each
/// tile has group norms and attention of its own, so that tones differ a little from those of the whole picture: there are as few tiles
/// as the limit allows. Reference: <c>AutoencoderKL.tiled_decode</c>, with tiles of equal size all over.
/// </summary>
/// <param name="downscale">Pixels per latent along each side.</param>
/// <param name="maxPixels">Largest number of pixels of a tile; a picture of no more is computed at once.</param>
public sealed class PictureTiles(int downscale, long maxPixels)
{
    private const double Stride = 0.75;

    private static readonly Scalar _half = 0.5;

    /// <summary>Decodes latents.</summary>
    /// <param name="latents">[B, Z, h, w].</param>
    /// <param name="decode">[B, Z, h', w'] → [B, C, h'·downscale, w'·downscale].</param>
    /// <param name="cancellation">Gives up between two tiles.</param>
    /// <returns>What <paramref name="decode"/> gives of all; of several tiles in float32.</returns>
    public Tensor Decode(Tensor latents, Func<Tensor, Tensor> decode, CancellationToken cancellation = default) =>
        Compute(latents, latents.shape[2], latents.shape[3], 1, downscale, decode, cancellation);

    /// <summary>Encodes a picture.</summary>
    /// <param name="image">[B, C, h·downscale, w·downscale].</param>
    /// <param name="encode">[B, C, h'·downscale, w'·downscale] → [B, Z, h', w'].</param>
    /// <param name="cancellation">Gives up between two tiles.</param>
    /// <returns>What <paramref name="encode"/> gives of all; of several tiles in float32.</returns>
    public Tensor Encode(Tensor image, Func<Tensor, Tensor> encode, CancellationToken cancellation = default) =>
        Compute(image, image.shape[2] / downscale, image.shape[3] / downscale, downscale, 1, encode, cancellation);

    /// <summary>Where the tiles lie, in latents.</summary>
    /// <param name="rows">Rows of latents.</param>
    /// <param name="columns">Columns of latents.</param>
    internal (Span[] Rows, Span[] Columns) Layout(long rows, long columns)
    {
        var (across, down) = (1, 1);
        while (Length(rows, down) * Length(columns, across) * downscale * downscale > maxPixels)
        {
            if (Length(rows, down) >= Length(columns, across))
                down++;
            else
                across++;
        }

        return (Spans(rows, down), Spans(columns, across));
    }

    private Tensor Compute(Tensor input, long rows, long columns, int inputScale, int outputScale,
        Func<Tensor, Tensor> compute, CancellationToken cancellation)
    {
        var (rowSpans, columnSpans) = Layout(rows, columns);
        if (rowSpans.Length * columnSpans.Length == 1)
            return compute(input);

        using var scope = NewDisposeScope();
        Tensor? sum = null;
        var weights = zeros([rows * outputScale, columns * outputScale], device: input.device);
        foreach (var row in rowSpans)
        {
            foreach (var column in columnSpans)
            {
                cancellation.ThrowIfCancellationRequested();
                using var tileScope = NewDisposeScope();
                var tile = compute(Part(input, row, column, inputScale)).to(ScalarType.Float32);
                var weight = Ramp(row, outputScale, input.device).unsqueeze(1) * Ramp(column, outputScale, input.device);
                sum ??= zeros([tile.shape[0], tile.shape[1], .. weights.shape], device: input.device).MoveToOuterDisposeScope();
                Part(sum, row, column, outputScale).add_(tile * weight);
                weights.narrow(0, row.Start * outputScale, row.Length * outputScale)
                    .narrow(1, column.Start * outputScale, column.Length * outputScale).add_(weight);
            }
        }

        return (sum! / weights).MoveToOuterDisposeScope();
    }

    private static Tensor Part(Tensor whole, Span row, Span column, int scale) => whole
        .narrow(2, row.Start * scale, row.Length * scale).narrow(3, column.Start * scale, column.Length * scale);

    /// <summary>Weights along a side: rising from the edge where there is a neighbor, falling towards the next one.</summary>
    private static Tensor Ramp(Span span, int scale, Device device)
    {
        using var scope = NewDisposeScope();
        using Scalar rise = Math.Max(1, span.OverlapBefore * scale), fall = Math.Max(1, span.OverlapAfter * scale);
        var place = arange(span.Length * scale, dtype: ScalarType.Float32, device: device) + _half;
        var rising = span.OverlapBefore == 0 ? ones_like(place) : (place / rise).clamp_max(1);
        var falling = span.OverlapAfter == 0 ? ones_like(place) : (place.flip(0) / fall).clamp_max(1);
        return (rising * falling).MoveToOuterDisposeScope();
    }

    private static long Length(long size, int count) => (long)Math.Ceiling(size / (1 + Stride * (count - 1)));

    private static Span[] Spans(long size, int count)
    {
        var length = Length(size, count);
        var starts = Enumerable.Range(0, count).Select(i => count == 1 ? 0 : i * (size - length) / (count - 1)).ToArray();
        return [.. starts.Select((start, i) => new Span(
            start,
            length,
            i == 0 ? 0 : starts[i - 1] + length - start,
            i == count - 1 ? 0 : start + length - starts[i + 1]))];
    }

    /// <summary>A tile along one side, in latents.</summary>
    internal readonly record struct Span(long Start, long Length, long OverlapBefore, long OverlapAfter);
}
