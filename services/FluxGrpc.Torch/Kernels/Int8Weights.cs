using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers whose weights are rounded to int8 when they are loaded, a quarter of float32's memory: W = codes · scale, with a scale
/// for each output. The codes are in the order in which <see cref="Int8Product"/> reads them; what belongs to them are buffers.
/// </summary>
/// <remarks>
/// The scale is the least with which two adjacent products of codes, an input's up to 255 and a weight's, fit 16 bits: where processors
/// have no instruction for int8 products (VNNI), libraries add two in so many, and would cut off what is more.
/// </remarks>
public static unsafe class Int8Weights
{
    private const string ScaleName = "weight_scale";
    private const string SumName = "weight_sum";

    /// <summary>True for a layer's weight [out, in] that can be rounded.</summary>
    public static bool Take(IReadOnlyList<long> shape) => shape is [var outputs, var inputs]
        && outputs % FusedRows.Width == 0 && inputs % FusedRows.Width == 0;

    /// <summary>True where the layer's weight is rounded.</summary>
    public static bool AreOf(Linear layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return layer.weight!.dtype == ScalarType.Int8;
    }

    /// <summary>Rounds a weight for a layer.</summary>
    /// <param name="layer">Gets the buffers.</param>
    /// <param name="weight">[out, in], float32 or bfloat16, on the CPU; see <see cref="Take"/>.</param>
    /// <returns>The layer's weight to be, outside of all dispose scopes; only the product can read it.</returns>
    public static Parameter Round(Linear layer, Tensor weight)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(weight);
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var (source, rows) = (weight.contiguous(), FusedRows.Of(weight.dtype));
        var (outputs, inputs) = (weight.shape[0], (int)weight.shape[1]);
        var (codes, steps, sums) = (empty([outputs, inputs], ScalarType.Int8), empty(outputs), empty(outputs));
        var (from, to) = (NativeTensor.DataPointer(source), NativeTensor.DataPointer(codes));
        var (ofSteps, ofSums) = (NativeTensor.DataPointer(steps), NativeTensor.DataPointer(sums));
        FusedRows.ForEach(outputs, source.numel() * rows.ElementSize, get_num_threads(), row =>
        {
            var step = rows.RoundToInt8(
                (byte*)from + row * inputs * rows.ElementSize, (sbyte*)to + row * inputs, inputs, out var sum);
            ((float*)ofSteps)[row] = step;
            ((float*)ofSums)[row] = step * sum;
        });
        layer.register_buffer(ScaleName, steps.DetachFromDisposeScope());
        layer.register_buffer(SumName, sums.DetachFromDisposeScope());
        var parameter = new Parameter(Int8Product.Shared.Pack(codes), requires_grad: false);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>What a step of a rounded weight's codes stands for, and the sum of what its codes stand for; [out] each, float32.</summary>
    internal static (Tensor Scale, Tensor Sum) FactsOf(Linear layer) => (layer.get_buffer(ScaleName)!, layer.get_buffer(SumName)!);
}
