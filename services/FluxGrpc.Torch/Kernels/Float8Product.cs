using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers computed in float8: the inputs are rounded to it too, by one factor for all of them. Cards of compute capability 8.9 or
/// more do so at twice the rate of bfloat16; libtorch's operator (<c>_scaled_mm</c>) has no name in TorchSharp, so a script calls it.
/// </summary>
/// <remarks>A mistake in the script would end the process; wrong shapes are ordinary exceptions.</remarks>
internal sealed class Float8Product : IDisposable
{
    /// <summary>Rows and columns must be multiples of it.</summary>
    private const long Granularity = 16;

    /// <summary>With fewer rows reading the weight is all the cost, and rounding the inputs would add to it.</summary>
    private const long LeastRows = 16;

    private static readonly Scalar _largest = 448f;
    private static readonly Scalar _smallestFactor = 1e-12f;

    private readonly jit.CompilationUnit _script = jit.compile(
        Method("in_float32", ScalarType.Float32) + Method("in_bfloat16", ScalarType.BFloat16));

    private readonly Dictionary<Device, Tensor> _ones = [];

    /// <summary>x·Wᵀ + b.</summary>
    /// <param name="layer">Its weight is float8.</param>
    /// <param name="x">[…, in].</param>
    /// <returns>[…, out] in the type of <paramref name="x"/>; null where the operator does not take the sizes.</returns>
    public Tensor? TryMultiply(Linear layer, Tensor x)
    {
        var (outputs, inputs) = (layer.weight!.shape[0], layer.weight.shape[1]);
        if (outputs % Granularity != 0 || inputs % Granularity != 0 || x.numel() < LeastRows * inputs)
            return null;

        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, inputs);                                                          // [M, in]
        var factor = rows.abs().max().to(ScalarType.Float32).div_(_largest).clamp_min_(_smallestFactor);
        var rounded = rows.div(factor).to(Float8Weights.Type);                                     // [M, in], at most 448
        var scale = Float8Weights.ScaleOf(layer);
        var single = scale?.numel() == 1;
        var name = x.dtype == ScalarType.Float32 ? "in_float32" : "in_bfloat16";
        var product = (Tensor)_script.invoke(name, rounded, layer.weight, factor, single ? scale : One(x.device));
        if (scale is not null && !single)
            product.mul_(scale.view(1, -1));
        if (layer.bias is { } bias)
            product.add_(bias);
        return product.view([.. x.shape[..^1], outputs]).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var one in _ones.Values)
            one.Dispose();
        _script.Dispose();
    }

    private static string Method(string name, ScalarType type) =>
        $"def {name}(x: Tensor, w: Tensor, a: Tensor, b: Tensor) -> Tensor:\n"
        + $"    return torch._scaled_mm(x, w.t(), a, b, None, None, {(int)type}, True)\n";

    private Tensor One(Device device)
    {
        if (!_ones.TryGetValue(device, out var one))
            _ones.Add(device, one = ones(1, ScalarType.Float32, device).DetachFromDisposeScope());
        return one;
    }
}
