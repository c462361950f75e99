using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// On a GPU: one of libtorch's operators where it has one for several, so that elements go through memory once and half as many kernels
/// are launched (counted by operators, a single block's 36 become 17). Computes on any device. Operands of several types are left to the
/// plain way.
/// </summary>
/// <param name="weights">See <see cref="ComputeKernels.For"/>.</param>
public sealed class JoinedOperators(WeightType weights = WeightType.Compute) : PlainKernels(weights)
{
    // TorchSharp has no name for it.
    private static readonly Lazy<jit.CompilationUnit> _script = new(() => jit.compile(
        "def rms_norm(x: Tensor, scale: Tensor, epsilon: float) -> Tensor:\n"
        + "    return torch.rms_norm(x, [x.size(-1)], scale, epsilon)\n"));

    private protected override string OwnName => ProcessorKernels.FusedLabel;

    /// <inheritdoc/>
    public override Tensor NormModulate(Tensor x, Tensor shift, Tensor scale)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(shift);
        ArgumentNullException.ThrowIfNull(scale);
        if (shift.dtype != x.dtype || scale.dtype != x.dtype)
            return base.NormModulate(x, shift, scale);

        using var scope = NewDisposeScope();
        var (size, factor) = (x.shape[^1], scale + _one);
        if (x.shape[0] == 1)
        {
            return nn.functional.layer_norm(x, [size], factor.view(size), shift.reshape(size), NormEpsilon)
                .MoveToOuterDisposeScope();
        }

        var normed = nn.functional.layer_norm(x, [size], eps: NormEpsilon);
        return addcmul(shift, factor, normed, _one).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor GatedSum(Tensor x, Tensor gate, Tensor branch) => addcmul(x, gate, branch, _one);

    /// <inheritdoc/>
    public override Tensor ScaledRmsNorm(Tensor x, Tensor scale, double epsilon)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(scale);
        return scale.dtype == x.dtype
            ? (Tensor)_script.Value.invoke("rms_norm", x, scale, epsilon)
            : base.ScaledRmsNorm(x, scale, epsilon);
    }

    private protected override Tensor NormHeads(Tensor x, Tensor scale) => ScaledRmsNorm(x, scale, NormEpsilon);
}
