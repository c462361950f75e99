using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// On a CPU: what is done token by token takes one pass over memory (<see cref="FusedRows"/>), and matrix products come from the library
/// that is fast on the processor. What it cannot take (gradients, other types, odd sizes) is computed the plain way.
/// </summary>
/// <remarks>
/// Which library is a matter of the processor, not of a measurement at start: replicas on equal machines must give equal bytes.
/// libtorch's own products are MKL's in float32, and its attention's in any type; on AMD's processors MKL reaches 0.4 times oneDNN's rate
/// for linear layers, 0.3 to 0.6 for attention, on Intel's 1 to 2 times.
/// </remarks>
public sealed unsafe class ProcessorKernels : PlainKernels
{
    /// <summary>Name with libtorch's own products.</summary>
    public const string FusedLabel = "fused";

    /// <summary>Name with oneDNN's products.</summary>
    public const string OneDnnLabel = "onednn";

    /// <summary>With fewer rows oneDNN's product is slower, for it packs the weight each time.</summary>
    private const long OneDnnRows = 64;

    /// <summary>With fewer tokens the calls for each head cost more than they save.</summary>
    private const long OneDnnTokens = 512;

    /// <summary>Queries at a time, so that their scores stay in cache.</summary>
    private const long QueryChunk = 512;

    private static readonly Lazy<OneDnn> _library = new(() => new OneDnn());

    private readonly OneDnn? _oneDnn;
    private readonly int _threads = get_num_threads();

    /// <param name="oneDnn">True for oneDNN's products, false for libtorch's own.</param>
    public ProcessorKernels(bool oneDnn) => _oneDnn = oneDnn ? _library.Value : null;

    /// <inheritdoc/>
    public override string Name => _oneDnn is null ? FusedLabel : OneDnnLabel;

    /// <inheritdoc/>
    public override Tensor Linear(Linear layer, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(x);
        return TakesOneDnn(x) ? _oneDnn!.Linear(x, layer.weight, layer.bias) : base.Linear(layer, x);
    }

    /// <inheritdoc/>
    public override Tensor LinearGelu(Linear layer, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(x);
        if (TakesOneDnn(x) && layer.bias is { } bias)
            return _oneDnn!.LinearGelu(x, layer.weight, bias);
        if (!IsFusible(x) || layer.weight.shape[0] % FusedRows.Width != 0)
            return base.LinearGelu(layer, x);

        var y = base.Linear(layer, x);
        var (rows, size) = (y.numel() / y.shape[^1], (int)y.shape[^1]);
        var pointer = Pointer(y);
        var stride = size * y.element_size();
        FusedRows.ForEach(rows, 2 * rows * stride, _threads, (first, end) =>
        {
            for (var row = first; row < end; row++)
                Gelu(y.dtype, (byte*)pointer + row * stride, (byte*)pointer + row * stride, size);
        });
        return y;
    }

    /// <inheritdoc/>
    public override Tensor GatedGelu(Linear gate, Linear layer, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(gate);
        ArgumentNullException.ThrowIfNull(x);
        if (!IsFusible(x) || gate.weight.shape[0] % FusedRows.Width != 0)
            return base.GatedGelu(gate, layer, x);

        using var scope = NewDisposeScope();
        var (gated, factor) = (Linear(gate, x).contiguous(), Linear(layer, x).contiguous());
        var (from, factors) = (Pointer(gated), Pointer(factor));
        var (type, size, stride) = (gated.dtype, (int)gated.shape[^1], gated.shape[^1] * gated.element_size());
        var rows = gated.numel() / size;
        FusedRows.ForEach(rows, 3 * rows * stride, _threads, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var (target, other) = (from + (nint)(row * stride), factors + (nint)(row * stride));
                if (type == ScalarType.Float32)
                    FusedRows.GatedGelu<Float32Element>((byte*)target, (byte*)other, (byte*)target, size);
                else
                    FusedRows.GatedGelu<BFloat16Element>((byte*)target, (byte*)other, (byte*)target, size);
            }
        });
        return gated.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor JoinGelu(Tensor first, Tensor second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (!IsFusible(second) || second.shape[^1] % FusedRows.Width != 0 || second.stride(2) != 1)
            return base.JoinGelu(first, second);

        using var scope = NewDisposeScope();
        var (samples, tokens, width, middle) = (second.shape[0], second.shape[1], first.shape[2], second.shape[2]);
        var joined = empty([samples, tokens, width + middle], second.dtype);
        var head = first.contiguous();
        var (from, gated, to) = (Pointer(head), Pointer(second), Pointer(joined));
        var element = second.element_size();
        var (batchStride, rowStride) = (second.stride(0) * element, second.stride(1) * element);
        var type = second.dtype;
        FusedRows.ForEach(samples * tokens, 2 * joined.numel() * element, _threads, (begin, end) =>
        {
            for (var row = begin; row < end; row++)
            {
                var target = (byte*)to + row * (width + middle) * element;
                var bytes = width * element;
                Buffer.MemoryCopy((byte*)from + row * bytes, target, bytes, bytes);
                Gelu(type, (byte*)gated + row / tokens * batchStride + row % tokens * rowStride, target + bytes, (int)middle);
            }
        });
        GC.KeepAlive(second);
        return joined.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor NormModulate(Tensor x, Tensor shift, Tensor scale)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(shift);
        ArgumentNullException.ThrowIfNull(scale);
        if (!IsFusible(x) || x.shape[2] % FusedRows.Width != 0 || shift.stride(2) != 1 || scale.stride(2) != 1 || shift.dtype != x.dtype)
            return base.NormModulate(x, shift, scale);

        using var scope = NewDisposeScope();
        var (tokens, size) = (x.shape[1], (int)x.shape[2]);
        var rows = x.contiguous();
        var y = empty_like(rows);
        var element = x.element_size();
        var (from, to, shifts, scales) = (Pointer(rows), Pointer(y), Pointer(shift), Pointer(scale));
        var (shiftStride, scaleStride) = (SampleStride(shift), SampleStride(scale));
        var type = x.dtype;
        FusedRows.ForEach(x.shape[0] * tokens, 2 * x.numel() * element, _threads, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var (sample, offset) = (row / tokens, row * size * element);
                var shiftRow = (byte*)shifts + sample * shiftStride;
                var scaleRow = (byte*)scales + sample * scaleStride;
                NormModulate(type, (byte*)from + offset, shiftRow, scaleRow, (byte*)to + offset, size);
            }
        });
        GC.KeepAlive((shift, scale));
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor GatedSum(Tensor x, Tensor gate, Tensor branch) => addcmul(x, gate, branch, _one);

    /// <inheritdoc/>
    public override Tensor ScaledRmsNorm(Tensor x, Tensor scale, double epsilon)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(scale);
        if (!IsFusible(x) || x.shape[^1] % FusedRows.Width != 0 || scale.dtype != x.dtype)
            return base.ScaledRmsNorm(x, scale, epsilon);

        using var scope = NewDisposeScope();
        var rows = x.contiguous();
        var y = empty_like(rows);
        var (from, factors, to) = (Pointer(rows), Pointer(scale), Pointer(y));
        var (type, size, stride) = (x.dtype, (int)x.shape[^1], x.shape[^1] * x.element_size());
        FusedRows.ForEach(x.numel() / size, 2 * x.numel() * x.element_size(), _threads, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var (source, target) = (from + (nint)(row * stride), to + (nint)(row * stride));
                if (type == ScalarType.Float32)
                    FusedRows.RmsNorm<Float32Element>((byte*)source, (byte*)factors, (byte*)target, size, (float)epsilon);
                else
                    FusedRows.RmsNorm<BFloat16Element>((byte*)source, (byte*)factors, (byte*)target, size, (float)epsilon);
            }
        });
        GC.KeepAlive(scale);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor BiasedSoftmax(Tensor scores, Tensor bias)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(bias);
        if (!IsFusible(scores) || scores.shape[^1] % FusedRows.Width != 0 || !bias.is_contiguous() || bias.shape[0] != 1)
            return base.BiasedSoftmax(scores, bias);

        using var scope = NewDisposeScope();
        var rows = scores.contiguous();
        var y = empty_like(rows);
        var (from, biases, to) = (Pointer(rows), Pointer(bias), Pointer(y));
        var (type, size, stride) = (scores.dtype, (int)scores.shape[^1], scores.shape[^1] * scores.element_size());
        var (count, biasRows) = (scores.numel() / size, bias.numel() / size);
        FusedRows.ForEach(count, count * (2 * stride + size * sizeof(float)), _threads, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var (source, target) = (from + (nint)(row * stride), to + (nint)(row * stride));
                var added = (float*)biases + row % biasRows * size;
                if (type == ScalarType.Float32)
                    FusedRows.BiasedSoftmax<Float32Element>((byte*)source, added, (byte*)target, size);
                else
                    FusedRows.BiasedSoftmax<BFloat16Element>((byte*)source, added, (byte*)target, size);
            }
        });
        GC.KeepAlive(bias);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor NormSilu(GroupNorm norm, Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(norm);
        ArgumentNullException.ThrowIfNull(picture);
        return IsFusible(picture) && FusedGroupNorm.Takes(picture)
            ? FusedGroupNorm.Compute(norm, picture, _threads)
            : base.NormSilu(norm, picture);
    }

    /// <inheritdoc/>
    public override Tensor ForConvolution(Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        if (!IsFusible(picture))
            return picture;

        using var scope = NewDisposeScope();
        return picture.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();    // Channels last in memory.
    }

    /// <inheritdoc/>
    public override Tensor Attention(QueryKeyValue heads)
    {
        if (_oneDnn is null || !IsFusible(heads.Query) || heads.Key.shape[2] < OneDnnTokens)
            return base.Attention(heads);

        using var scope = NewDisposeScope();
        var (samples, headCount, tokens, size) = (heads.Query.shape[0], heads.Query.shape[1], heads.Query.shape[2], heads.Query.shape[3]);
        // Scores in float32: rounded to bfloat16 they would be off by up to a hundredth, and so their exponentials.
        var queries = heads.Query.to(ScalarType.Float32) / Math.Sqrt(size);
        var keys = heads.Key.to(ScalarType.Float32).contiguous();
        var values = heads.Value.transpose(2, 3).contiguous();                                       // [B, H, d, T]
        var attended = empty([samples, tokens, headCount, size], heads.Query.dtype);
        for (var sample = 0L; sample < samples; sample++)
        {
            for (var head = 0L; head < headCount; head++)
            {
                for (var first = 0L; first < tokens; first += QueryChunk)
                {
                    using var chunk = NewDisposeScope();
                    var count = Math.Min(QueryChunk, tokens - first);
                    var scores = _oneDnn.Linear(queries[sample, head].narrow(0, first, count), keys[sample, head], bias: null);
                    var mixed = _oneDnn.Linear(scores.softmax(-1).to(values.dtype), values[sample, head], bias: null);
                    attended[sample].narrow(0, first, count).select(1, head).copy_(mixed);
                }
            }
        }

        return attended.flatten(2).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor JointAttention(IReadOnlyList<HeadProjection> streams, Tensor turns)
    {
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(turns);
        var (like, size, headCount) = (streams[0].Joined, streams[0].HeadSize, streams[0].HeadCount);
        if (!streams.All(IsFusible) || size % FusedRows.Width != 0 || !turns.is_contiguous())
        {
            return base.JointAttention(streams, turns);
        }

        using var scope = NewDisposeScope();
        long[] shape = [like.shape[0], headCount, streams.Sum(stream => stream.Tokens), size];
        var heads = new QueryKeyValue(empty(shape, like.dtype), empty(shape, like.dtype), empty(shape, like.dtype));
        var offset = 0L;
        foreach (var stream in streams)
        {
            if (like.dtype == ScalarType.Float32)
                FillHeads<Float32Element>(stream, turns, heads, offset);
            else
                FillHeads<BFloat16Element>(stream, turns, heads, offset);
            offset += stream.Tokens;
        }

        return Attention(heads).MoveToOuterDisposeScope();
    }

    /// <summary>Norms and turns a stream's queries and keys, and copies its values, to their places among all tokens.</summary>
    private void FillHeads<T>(HeadProjection stream, Tensor turns, QueryKeyValue heads, long offset)
        where T : struct, IVectorElement
    {
        var (size, headCount, tokens, allTokens) = ((int)stream.HeadSize, stream.HeadCount, stream.Tokens, heads.Query.shape[2]);
        var bytes = size * T.Size;
        var width = headCount * bytes;
        var (batchStride, rowStride) = (stream.Joined.stride(0) * T.Size, stream.Joined.stride(1) * T.Size);
        var turnStride = turns.shape[0] == 1 ? 0 : allTokens * size;
        var (from, angles) = (Pointer(stream.Joined), Pointer(turns));
        var (queryScale, keyScale) = (Pointer(stream.QueryScale), Pointer(stream.KeyScale));
        var (queries, keys, values) = (Pointer(heads.Query), Pointer(heads.Key), Pointer(heads.Value));
        FusedRows.ForEach(stream.Joined.shape[0] * tokens, 6 * stream.Joined.shape[0] * tokens * width, _threads, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var (sample, token) = (row / tokens, row % tokens);
                var source = (byte*)from + sample * batchStride + token * rowStride;
                var turn = (float*)angles + sample * turnStride + (offset + token) * size;
                for (var head = 0L; head < headCount; head++)
                {
                    var target = ((sample * headCount + head) * allTokens + offset + token) * bytes;
                    var query = source + head * bytes;
                    FusedRows.NormTurn<T>(query, (byte*)queryScale, turn, (byte*)queries + target, size, (float)NormEpsilon);
                    FusedRows.NormTurn<T>(query + width, (byte*)keyScale, turn, (byte*)keys + target, size, (float)NormEpsilon);
                    Buffer.MemoryCopy(query + 2 * width, (byte*)values + target, bytes, bytes);
                }
            }
        });
        GC.KeepAlive((stream, turns, heads));
    }

    private static void Gelu(ScalarType type, byte* x, byte* y, int size)
    {
        if (type == ScalarType.Float32)
            FusedRows.Gelu<Float32Element>(x, y, size);
        else
            FusedRows.Gelu<BFloat16Element>(x, y, size);
    }

    private static void NormModulate(ScalarType type, byte* x, byte* shift, byte* scale, byte* y, int size)
    {
        if (type == ScalarType.Float32)
            FusedRows.NormModulate<Float32Element>(x, shift, scale, y, size, (float)NormEpsilon);
        else
            FusedRows.NormModulate<BFloat16Element>(x, shift, scale, y, size, (float)NormEpsilon);
    }

    /// <summary>bfloat16 linear layers are oneDNN's in libtorch already.</summary>
    private bool TakesOneDnn(Tensor x) => _oneDnn is not null && x.dtype == ScalarType.Float32 && IsFusible(x)
        && x.numel() / x.shape[^1] >= OneDnnRows;

    private static bool IsFusible(Tensor x) => x.device_type == DeviceType.CPU && !x.requires_grad
        && (x.dtype == ScalarType.Float32 || x.dtype == ScalarType.BFloat16);

    private static bool IsFusible(HeadProjection stream) => IsFusible(stream.Joined) && stream.Joined.stride(2) == 1
        && stream.QueryScale.dtype == stream.Joined.dtype && stream.KeyScale.dtype == stream.Joined.dtype;

    private static nint Pointer(Tensor tensor) => NativeTensor.DataPointer(tensor);

    private static long SampleStride(Tensor tensor) => tensor.shape[0] == 1 ? 0 : tensor.stride(0) * tensor.element_size();
}
