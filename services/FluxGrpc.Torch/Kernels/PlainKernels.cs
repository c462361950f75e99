using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>The formulas as they are written, operator by operator.</summary>
public class PlainKernels : ComputeKernels
{
    /// <summary>Name as configured.</summary>
    public const string Label = "plain";

    private protected static readonly Scalar _one = 1;
    private static readonly Scalar _epsilon = NormEpsilon;

    private readonly Float8Product? _float8;

    /// <param name="weights">See <see cref="ComputeKernels.For"/>.</param>
    public PlainKernels(WeightType weights = WeightType.Compute) =>
        _float8 = weights == WeightType.Float8 ? Float8Product.Shared : null;

    /// <inheritdoc/>
    public sealed override string Name => _float8 is null ? OwnName : $"{OwnName} float8";

    /// <summary>True where layers of float8 weights are multiplied in float8.</summary>
    private protected bool MultipliesFloat8 => _float8 is not null;

    /// <summary>Name without what is done to float8 weights.</summary>
    private protected virtual string OwnName => Label;

    /// <summary>Root-mean-square norm over the last dimension, computed in float32. Reference: <c>RMSNorm</c>.</summary>
    /// <param name="x">[…, size].</param>
    /// <param name="scale">[size].</param>
    /// <returns>Same shape and dtype as <paramref name="x"/>.</returns>
    public static Tensor RmsNorm(Tensor x, Tensor scale)
    {
        ArgumentNullException.ThrowIfNull(x);
        using var scope = NewDisposeScope();
        var wide = x.to(ScalarType.Float32);
        var normed = wide * (wide.square().mean([-1], keepdim: true) + _epsilon).rsqrt();
        return (normed.to(x.dtype) * scale).MoveToOuterDisposeScope();
    }

    /// <summary>Turns queries or keys; computed in float32. Reference: <c>apply_rope</c>.</summary>
    /// <param name="x">[B, H, T, d].</param>
    /// <param name="turns">[1 or B, 1, T, d/2], complex64.</param>
    /// <returns>[B, H, T, d], same dtype as <paramref name="x"/>.</returns>
    public static Tensor Turn(Tensor x, Tensor turns)
    {
        ArgumentNullException.ThrowIfNull(x);
        using var scope = NewDisposeScope();
        var pairs = x.to(ScalarType.Float32).unflatten(3, -1, 2).contiguous().view_as_complex();   // [B, H, T, d/2]
        return (pairs * turns).view_as_real().flatten(-2).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Linear(Linear layer, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(x);
        if (!KeptWeights.AreOf(layer, x.dtype))
            return layer.call(x);
        if (MultiplyFloat8(layer, x) is { } y)
            return y;
        using var weight = KeptWeights.Widen(layer, x.dtype);
        return nn.functional.linear(x, weight, layer.bias);
    }

    /// <inheritdoc/>
    public override Tensor LinearGelu(Linear layer, Tensor x)
    {
        using var scope = NewDisposeScope();
        return Gelu(Linear(layer, x)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor GatedGelu(Linear gate, Linear layer, Tensor x)
    {
        using var scope = NewDisposeScope();
        return (LinearGelu(gate, x) * Linear(layer, x)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor JoinGelu(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        return cat([first, Gelu(second)], dim: -1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor NormModulate(Tensor x, Tensor shift, Tensor scale)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(scale);
        using var scope = NewDisposeScope();
        var normed = nn.functional.layer_norm(x, [x.shape[^1]], eps: NormEpsilon);
        return ((scale + _one) * normed + shift).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor GatedSum(Tensor x, Tensor gate, Tensor branch)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(gate);
        using var scope = NewDisposeScope();
        return (x + gate * branch).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor ScaledRmsNorm(Tensor x, Tensor scale, double epsilon)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(scale);
        using var scope = NewDisposeScope();
        using Scalar added = epsilon;
        var exact = x.to(ScalarType.Float32);
        var meanSquare = exact.square().mean([-1L], keepdim: true);                                // [B, T, 1]
        var normed = exact * rsqrt(meanSquare + added) * scale.to(ScalarType.Float32);
        return normed.to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor BiasedSoftmax(Tensor scores, Tensor bias)
    {
        ArgumentNullException.ThrowIfNull(scores);
        using var scope = NewDisposeScope();
        return (scores.to(ScalarType.Float32) + bias).softmax(-1).to(scores.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor NormSilu(GroupNorm norm, Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(norm);
        return norm.call(picture).silu_();
    }

    /// <inheritdoc/>
    public override Tensor ForConvolution(Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return picture.contiguous();
    }

    /// <inheritdoc/>
    public override Tensor UpsampleConvolution(Conv2d layer, Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(layer);
        using var larger = nn.functional.interpolate(picture, scale_factor: [2, 2], mode: InterpolationMode.Nearest);
        return layer.call(larger);
    }

    /// <inheritdoc/>
    public override Tensor Attention(QueryKeyValue heads)
    {
        using var scope = NewDisposeScope();
        var attended = heads.Query.requires_grad && heads.Query.device_type == DeviceType.CPU
            ? Trainable(heads)
            : nn.functional.scaled_dot_product_attention(heads.Query, heads.Key, heads.Value);     // [B, H, T, d]
        return attended.transpose(1, 2).flatten(2).MoveToOuterDisposeScope();                      // [B, T, D]
    }

    /// <inheritdoc/>
    public override Tensor JointAttention(IReadOnlyList<HeadProjection> streams, Tensor turns)
    {
        using var scope = NewDisposeScope();
        var heads = streams.Select(Norm).Aggregate(QueryKeyValue.Join);
        var turned = heads with { Query = Turn(heads.Query, turns), Key = Turn(heads.Key, turns) };
        return Attention(turned).MoveToOuterDisposeScope();
    }

    /// <summary>x·Wᵀ + b in float8; null where that was not asked for, or the layer is none of those.</summary>
    private protected Tensor? MultiplyFloat8(Linear layer, Tensor x) =>
        _float8 is not null && Float8Weights.AreOf(layer) ? _float8.TryMultiply(layer, x) : null;

    /// <summary>GELU in its tanh form.</summary>
    protected virtual Tensor Gelu(Tensor x) => nn.functional.gelu(x, GELU.Approximate.tanh);

    /// <summary>See <see cref="RmsNorm"/>.</summary>
    private protected virtual Tensor NormHeads(Tensor x, Tensor scale) => RmsNorm(x, scale);

    private QueryKeyValue Norm(HeadProjection stream)
    {
        var heads = QueryKeyValue.Split(stream.Joined, stream.HeadSize);
        return heads with { Query = NormHeads(heads.Query, stream.QueryScale), Key = NormHeads(heads.Key, stream.KeyScale) };
    }

    /// <summary>Written out: on a CPU the fused kernel's gradient takes twenty times as long in bfloat16 as these four.</summary>
    private static Tensor Trainable(QueryKeyValue heads)
    {
        using var scope = NewDisposeScope();
        var scores = heads.Query.matmul(heads.Key.transpose(2, 3)) / Math.Sqrt(heads.Query.shape[3]);    // [B, H, T, T]
        return scores.softmax(-1).matmul(heads.Value).MoveToOuterDisposeScope();                         // [B, H, T, d]
    }
}
