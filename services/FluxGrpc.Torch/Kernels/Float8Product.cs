using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers computed in float8: the inputs are rounded to it too, by one factor for all of them. Cards of compute capability 8.9 or
/// more do so at twice the rate of bfloat16; libtorch's operator (<c>_scaled_mm</c>) has no name in TorchSharp, so a script calls it.
/// </summary>
/// <remarks>A mistake in the script would end the process; wrong shapes are ordinary exceptions.</remarks>
internal sealed class Float8Product
{
    /// <summary>Rows and columns must be multiples of it.</summary>
    private const long Granularity = 16;

    /// <summary>With fewer rows reading the weight is all the cost, and rounding the inputs would add to it.</summary>
    private const long LeastRows = 16;

    private static readonly Lazy<Float8Product> _shared = new(() => new Float8Product());

    private readonly jit.CompilationUnit _script = jit.compile(
        Method("in_float32", ScalarType.Float32) + Method("in_bfloat16", ScalarType.BFloat16));

    /// <summary>The one of this process.</summary>
    public static Float8Product Shared => _shared.Value;

    /// <summary>Computes a small product, so that a device that cannot is known at the start and not in a step.</summary>
    /// <exception cref="ArgumentException">It cannot.</exception>
    public static void Check(Device device, ScalarType type)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(Granularity, Granularity, device: device);
        layer.weight = new Parameter(layer.weight!.to(Float8Weights.Type), requires_grad: false);
        try
        {
            Shared.TryMultiply(layer, zeros([LeastRows, Granularity], type, device));
        }
        catch (ExternalException exception)
        {
            var reason = exception.Message.Split('\n')[0];
            throw new ArgumentException(
                $"weights in float8 are not for device '{device}': {reason}; allowed there: stored, compute", exception);
        }
    }

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
        var factor = Float8Weights.ScaleFor(rows);
        var rounded = rows.div(factor).to(Float8Weights.Type);                                     // [M, in], at most 448
        var scale = Float8Weights.ScaleOf(layer);
        var single = scale?.numel() == 1;
        var name = x.dtype == ScalarType.Float32 ? "in_float32" : "in_bfloat16";
        var product = (Tensor)_script.invoke(name, rounded, layer.weight, factor, single ? scale : ones(1, ScalarType.Float32, x.device));
        if (scale is not null && !single)
            product.mul_(scale.view(1, -1));
        if (layer.bias is { } bias)
            product.add_(bias);
        return product.view([.. x.shape[..^1], outputs]).MoveToOuterDisposeScope();
    }

    private static string Method(string name, ScalarType type) =>
        $"def {name}(x: Tensor, w: Tensor, a: Tensor, b: Tensor) -> Tensor:\n"
        + $"    return torch._scaled_mm(x, w.t(), a, b, None, None, {(int)type}, True)\n";
}
