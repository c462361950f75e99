using System.Collections.Concurrent;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>silu(GroupNorm(x)) of pictures with channels last in memory: one pass for the groups' moments, one for the result.</summary>
internal static unsafe class FusedGroupNorm
{
    /// <summary>Positions whose moments are added in float32 before they go into sums in float64.</summary>
    private const long Chunk = 256;

    /// <summary>True for a picture whose channels lie side by side.</summary>
    public static bool Takes(Tensor picture) => picture.shape[1] % FusedRows.Width == 0
        && picture.permute(0, 2, 3, 1).is_contiguous();

    /// <summary>Computes it.</summary>
    /// <param name="norm">Groups, weight and bias.</param>
    /// <param name="picture">[B, C, h, w] that is taken: see <see cref="Takes"/>.</param>
    /// <param name="threads">Threads at most.</param>
    /// <returns>[B, C, h, w], channels last too.</returns>
    public static Tensor Compute(GroupNorm norm, Tensor picture, int threads)
    {
        using var scope = NewDisposeScope();
        var y = empty_like(picture.permute(0, 2, 3, 1));                                      // [B, h, w, C]
        var (samples, channels, positions) = (picture.shape[0], (int)picture.shape[1], picture.shape[2] * picture.shape[3]);
        var weight = norm.weight.to(ScalarType.Float32).data<float>().ToArray();
        var bias = norm.bias!.to(ScalarType.Float32).data<float>().ToArray();
        for (var sample = 0L; sample < samples; sample++)
        {
            var offset = sample * positions * channels * picture.element_size();
            var from = NativeTensor.DataPointer(picture) + (nint)offset;
            var to = NativeTensor.DataPointer(y) + (nint)offset;
            Compute(FusedRows.Of(picture.dtype), from, to, positions, channels, (int)norm.num_groups, (weight, bias, norm.eps), threads);
        }

        GC.KeepAlive(picture);
        return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    private static void Compute(FusedRows rows, nint from, nint to, long positions, int channels, int groups,
        (float[] Weight, float[] Bias, double Epsilon) learned, int threads)
    {
        var (factor, shift) = (new float[channels], new float[channels]);
        var (sums, squares) = Moments(rows, from, positions, channels, threads);
        var size = channels / groups;
        for (var group = 0; group < groups; group++)
        {
            var count = (double)positions * size;
            var mean = sums.Skip(group * size).Take(size).Sum() / count;
            var variance = Math.Max(0, squares.Skip(group * size).Take(size).Sum() / count - mean * mean);
            var inverse = 1 / Math.Sqrt(variance + learned.Epsilon);
            for (var channel = group * size; channel < (group + 1) * size; channel++)
            {
                factor[channel] = (float)(inverse * learned.Weight[channel]);
                shift[channel] = (float)(learned.Bias[channel] - mean * inverse * learned.Weight[channel]);
            }
        }

        var stride = channels * rows.ElementSize;
        FusedRows.ForRanges(positions, 2 * positions * stride, threads, (first, end) =>
        {
            fixed (float* factors = factor, shifts = shift)
                rows.AffineSilu((byte*)from + first * stride, factors, shifts, (byte*)to + first * stride, channels, end - first);
        });
    }

    /// <summary>Sums of each channel's elements and of their squares.</summary>
    private static (double[] Sums, double[] Squares) Moments(FusedRows rows, nint from, long positions, int channels, int threads)
    {
        var stride = channels * rows.ElementSize;
        var partial = new ConcurrentDictionary<long, (double[] Sums, double[] Squares)>();
        FusedRows.ForRanges(positions, positions * stride, threads, (first, end) =>
        {
            var (mine, mySquares) = (new double[channels], new double[channels]);
            var (chunk, chunkSquares) = (new float[channels], new float[channels]);
            for (var start = first; start < end; start += Chunk)
            {
                fixed (float* partial = chunk, partialSquares = chunkSquares)
                    rows.Moments((byte*)from + start * stride, partial, partialSquares, channels, Math.Min(Chunk, end - start));

                for (var channel = 0; channel < channels; channel++)
                {
                    mine[channel] += chunk[channel];
                    mySquares[channel] += chunkSquares[channel];
                }
            }

            partial[first] = (mine, mySquares);
        });

        // In the order of the positions, whichever thread was done first: rounding tells.
        var (sums, squares) = (new double[channels], new double[channels]);
        foreach (var (_, part) in partial.OrderBy(part => part.Key))
        {
            for (var channel = 0; channel < channels; channel++)
            {
                sums[channel] += part.Sums[channel];
                squares[channel] += part.Squares[channel];
            }
        }

        return (sums, squares);
    }
}
