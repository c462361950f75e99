using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// On a CPU: what is done token by token takes one pass over memory (<see cref="FusedRows"/>), and matrix products come from the library
/// that is fast on the processor, but for small layers' (<see cref="PackedLinear"/>). What it cannot take (gradients, other types, odd
/// sizes) is computed the plain way.
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

    /// <summary>With fewer tokens the calls for each head cost more than they save.</summary>
    private const long OneDnnTokens = 512;

    /// <summary>Smaller heads leave a product too little to do for each score that it writes.</summary>
    private const long OneDnnHeadSize = 64;

    /// <summary>Queries at a time, so that their scores stay in cache.</summary>
    private const long QueryChunk = 512;

    private static readonly Action<nint, int> _gelu =
        (at, count) => FusedRows.Of(ScalarType.Float32).Gelu((byte*)at, (byte*)at, count);

    private static readonly Lazy<OneDnn> _sharedOneDnn = new(() => new OneDnn());

    private readonly ConditionalWeakTable<Linear, PackedLinear> _packed = [];
    private readonly OneDnn? _oneDnn;
    private readonly LibraryLinear _library;
    private readonly bool _int8;
    private readonly int _threads = get_num_threads();

    /// <param name="oneDnn">True for oneDNN's products, false for libtorch's own.</param>
    /// <param name="weights">See <see cref="ComputeKernels.For"/>.</param>
    public ProcessorKernels(bool oneDnn, WeightType weights = WeightType.Compute) : base(weights)
    {
        _oneDnn = oneDnn ? _sharedOneDnn.Value : null;
        _library = new LibraryLinear(_oneDnn);
        _int8 = weights == WeightType.Int8;
    }

    private protected override string OwnName => (_oneDnn is null ? FusedLabel : OneDnnLabel) + (_int8 ? " int8" : "");

    /// <inheritdoc/>
    public override bool IsBatchInvariant(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        // Kept weights do not tell what is computed in; what else there is does.
        return !MultipliesFloat8 && model.modules().All(module => module is Linear layer
            ? PackedLinear.Takes(layer)
            : module.parameters(recurse: false).All(parameter => parameter.dtype == ScalarType.Float32));
    }

    /// <inheritdoc/>
    public override Tensor Linear(Linear layer, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(x);
        if (IsInt8(layer))
            return Int8Product.Shared.Multiply(layer, x, _threads, gelu: false);
        if ((MultiplyFloat8(layer, x) ?? MultiplyPacked(layer, x, finish: null)) is { } y)
            return y;
        return IsFusible(x) ? _library.Multiply(layer, x) : base.Linear(layer, x);
    }

    /// <inheritdoc/>
    public override Tensor LinearGelu(Linear layer, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(x);
        if (IsInt8(layer))
            return Int8Product.Shared.Multiply(layer, x, _threads, gelu: true);
        if (MultiplyFloat8(layer, x) is { } product)
        {
            using (product)
                return Gelu(product);
        }

        if (MultiplyPacked(layer, x, _gelu) is { } gated)
            return gated;
        if (IsFusible(x) && _library.TryMultiplyGelu(layer, x) is { } activated)
            return activated;
        if (!IsFusible(x) || layer.weight.shape[0] % FusedRows.Width != 0)
            return base.LinearGelu(layer, x);

        var y = Linear(layer, x);
        var (rows, pointer, size) = (FusedRows.Of(y.dtype), Pointer(y), (int)y.shape[^1]);
        var stride = size * rows.ElementSize;
        FusedRows.ForEach(y.numel() / size, 2 * y.numel() * rows.ElementSize, _threads, row =>
        {
            var at = (byte*)pointer + row * stride;
            rows.Gelu(at, at, size);
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
        var (gated, factor) = (Linear(gate, x), Linear(layer, x));
        var (rows, size) = (FusedRows.Of(gated.dtype), (int)gated.shape[^1]);
        var stride = size * rows.ElementSize;
        var (target, factors) = (Pointer(gated), Pointer(factor));
        FusedRows.ForEach(gated.numel() / size, 3 * gated.numel() * rows.ElementSize, _threads, row =>
        {
            var at = (byte*)target + row * stride;
            rows.GatedGelu(at, (byte*)factors + row * stride, at, size);
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
        var rows = FusedRows.Of(second.dtype);
        var element = rows.ElementSize;
        var (batchStride, rowStride, bytes) = (second.stride(0) * element, second.stride(1) * element, width * element);
        FusedRows.ForEach(samples * tokens, 2 * joined.numel() * element, _threads, row =>
        {
            var target = (byte*)to + row * (width + middle) * element;
            Buffer.MemoryCopy((byte*)from + row * bytes, target, bytes, bytes);
            rows.Gelu((byte*)gated + row / tokens * batchStride + row % tokens * rowStride, target + bytes, (int)middle);
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
        var (tokens, size, source) = (x.shape[1], (int)x.shape[2], x.contiguous());
        var (y, rows) = (empty_like(source), FusedRows.Of(x.dtype));
        var (from, to, shifts, scales) = (Pointer(source), Pointer(y), Pointer(shift), Pointer(scale));
        var (shiftStride, scaleStride, stride) = (SampleStride(shift), SampleStride(scale), size * rows.ElementSize);
        FusedRows.ForEach(x.shape[0] * tokens, 2 * x.numel() * rows.ElementSize, _threads, row =>
        {
            var sample = row / tokens;
            rows.NormModulate((byte*)from + row * stride, (byte*)shifts + sample * shiftStride, (byte*)scales + sample * scaleStride,
                (byte*)to + row * stride, size, (float)NormEpsilon);
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
        var (source, rows, size) = (x.contiguous(), FusedRows.Of(x.dtype), (int)x.shape[^1]);
        var y = empty_like(source);
        var (from, factors, to, stride) = (Pointer(source), Pointer(scale), Pointer(y), size * rows.ElementSize);
        FusedRows.ForEach(x.numel() / size, 2 * x.numel() * rows.ElementSize, _threads, row =>
            rows.RmsNorm((byte*)from + row * stride, (byte*)factors, (byte*)to + row * stride, size, (float)epsilon));
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
        var (source, rows, size) = (scores.contiguous(), FusedRows.Of(scores.dtype), (int)scores.shape[^1]);
        var y = empty_like(source);
        var (from, biases, to, stride) = (Pointer(source), Pointer(bias), Pointer(y), size * rows.ElementSize);
        var (count, biasRows) = (scores.numel() / size, bias.numel() / size);
        FusedRows.ForEach(count, count * (2 * stride + size * sizeof(float)), _threads, row =>
            rows.BiasedSoftmax((byte*)from + row * stride, (float*)biases + row % biasRows * size, (byte*)to + row * stride, size));
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
            return base.ForConvolution(picture);

        using var scope = NewDisposeScope();
        return picture.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();    // Channels last in memory.
    }

    /// <inheritdoc/>
    public override Tensor UpsampleConvolution(Conv2d layer, Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(picture);
        if (!IsFusible(picture) || picture.dtype != ScalarType.Float32)
            return base.UpsampleConvolution(layer, picture);

        // A position of the result sees four of the picture, not nine: those of the kernel's elements that meet the same one are added.
        // In one dimension w₀ w₁ w₂ become w₂, w₁ + w₂, w₀ + w₁, w₀: a transposed convolution reads its kernel from the end.
        using var scope = NewDisposeScope();
        var sums = tensor([0f, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0]).view(3, 4);
        var (output, input) = (layer.weight.shape[0], layer.weight.shape[1]);
        var kernel = layer.weight.reshape(-1, 9).matmul(kron(sums, sums)).view(output, input, 4, 4);
        return nn.functional.conv_transpose2d(picture, kernel.transpose(0, 1), layer.bias, strides: [2, 2], padding: [1, 1])
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Attention(QueryKeyValue heads)
    {
        if (_oneDnn is null || !IsFusible(heads.Query) || heads.Key.shape[2] < OneDnnTokens || heads.Query.shape[3] < OneDnnHeadSize)
            return base.Attention(heads);

        using var scope = NewDisposeScope();
        var (samples, headCount, tokens, size) = (heads.Query.shape[0], heads.Query.shape[1], heads.Query.shape[2], heads.Query.shape[3]);
        // Scores in float32: rounded to bfloat16 they would be off by up to a hundredth, and so their exponentials.
        var queries = heads.Query.to(ScalarType.Float32) / Math.Sqrt(size);
        var keys = heads.Key.to(ScalarType.Float32).contiguous();
        var values = heads.Value.to(ProductType(heads.Value)).transpose(2, 3).contiguous();          // [B, H, d, T]
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
            return base.JointAttention(streams, turns);

        using var scope = NewDisposeScope();
        long[] shape = [like.shape[0], headCount, streams.Sum(stream => stream.Tokens), size];
        var heads = new QueryKeyValue(empty(shape, like.dtype), empty(shape, like.dtype), empty(shape, like.dtype));
        var offset = 0L;
        foreach (var stream in streams)
        {
            FillHeads(stream, turns, heads, offset);
            offset += stream.Tokens;
        }

        return Attention(heads).MoveToOuterDisposeScope();
    }

    /// <summary>Norms and turns a stream's queries and keys, and copies its values, to their places among all tokens.</summary>
    private void FillHeads(HeadProjection stream, Tensor turns, QueryKeyValue heads, long offset)
    {
        var (size, headCount, tokens, allTokens) = ((int)stream.HeadSize, stream.HeadCount, stream.Tokens, heads.Query.shape[2]);
        var (rows, count) = (FusedRows.Of(stream.Joined.dtype), stream.Joined.shape[0] * tokens);
        var bytes = size * rows.ElementSize;
        var width = headCount * bytes;
        var (batchStride, rowStride) = (stream.Joined.stride(0) * rows.ElementSize, stream.Joined.stride(1) * rows.ElementSize);
        var turnStride = turns.shape[0] == 1 ? 0 : allTokens * size;
        var (from, angles) = (Pointer(stream.Joined), Pointer(turns));
        var (queryScale, keyScale) = (Pointer(stream.QueryScale), Pointer(stream.KeyScale));
        var (queries, keys, values) = (Pointer(heads.Query), Pointer(heads.Key), Pointer(heads.Value));
        FusedRows.ForEach(count, 6 * count * width, _threads, row =>
        {
            var (sample, token) = (row / tokens, row % tokens);
            var source = (byte*)from + sample * batchStride + token * rowStride;
            var turn = (float*)angles + sample * turnStride + (offset + token) * size;
            for (var head = 0L; head < headCount; head++)
            {
                var target = ((sample * headCount + head) * allTokens + offset + token) * bytes;
                var query = source + head * bytes;
                rows.NormTurn(query, (byte*)queryScale, turn, (byte*)queries + target, size, (float)NormEpsilon);
                rows.NormTurn(query + width, (byte*)keyScale, turn, (byte*)keys + target, size, (float)NormEpsilon);
                Buffer.MemoryCopy(query + 2 * width, (byte*)values + target, bytes, bytes);
            }
        });
        GC.KeepAlive((stream, turns, heads));
    }

    /// <summary>oneDNN refuses bfloat16 products where the processor has none.</summary>
    private static ScalarType ProductType(Tensor values) =>
        values.dtype == ScalarType.BFloat16 && !Processor.MultipliesBfloat16 ? ScalarType.Float32 : values.dtype;

    private bool IsInt8(Linear layer) => _int8 && Int8Weights.AreOf(layer);

    /// <summary>The product of a small layer; null for others.</summary>
    private Tensor? MultiplyPacked(Linear layer, Tensor x, Action<nint, int>? finish)
    {
        if (Packed(layer, x) is not { } packed)
            return null;
        using var source = x.contiguous();
        return packed.Multiply(source, _threads, finish);
    }

    /// <summary>The layer's copy, made at its first use; null where there is to be none.</summary>
    private PackedLinear? Packed(Linear layer, Tensor x)
    {
        if (x.dtype != ScalarType.Float32 || !IsFusible(x))
            return null;
        if (_packed.TryGetValue(layer, out var packed) && packed.IsOf(layer))
            return packed.Inputs == x.shape[^1] ? packed : null;
        if (!PackedLinear.Takes(layer) || layer.weight.shape[1] != x.shape[^1])
            return null;
        packed = PackedLinear.Of(layer);
        _packed.AddOrUpdate(layer, packed);
        return packed;
    }

    /// <summary>While gradients are wanted, inputs without one meet parameters that have one: all is plain then.</summary>
    private static bool IsFusible(Tensor x) => !is_grad_enabled() && x.device_type == DeviceType.CPU
        && (x.dtype == ScalarType.Float32 || x.dtype == ScalarType.BFloat16);

    private static bool IsFusible(HeadProjection stream) => IsFusible(stream.Joined) && stream.Joined.stride(2) == 1
        && stream.QueryScale.dtype == stream.Joined.dtype && stream.KeyScale.dtype == stream.Joined.dtype;

    private static nint Pointer(Tensor tensor) => NativeTensor.DataPointer(tensor);

    private static long SampleStride(Tensor tensor) => tensor.shape[0] == 1 ? 0 : tensor.stride(0) * tensor.element_size();
}
