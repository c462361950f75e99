using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers that keep their weight as float8_e4m3fn, a quarter of float32's memory: W = weight · scale. The scale, where there is
/// one, is the layer's buffer <see cref="ScaleName"/>.
/// </summary>
public static class Float8Weights
{
    /// <summary>float8_e4m3fn, which <see cref="ScalarType"/> lacks a name for.</summary>
    public const ScalarType Type = (ScalarType)NativeTensor.Float8E4M3Fn;

    /// <summary>Name of a layer's buffer [1], or [out, 1] where a layer is put together of several; float32.</summary>
    public const string ScaleName = "weight_scale";

    private static readonly Scalar _largest = 448f;
    private static readonly Scalar _smallestScale = 1e-12f;

    /// <summary>Gives a layer its weight's scale.</summary>
    /// <param name="layer">Its weight is float8.</param>
    /// <param name="scale">[1] or [out, 1], float32; the layer owns it.</param>
    public static void SetScale(Linear layer, Tensor scale)
    {
        ArgumentNullException.ThrowIfNull(layer);
        layer.register_buffer(ScaleName, scale);
    }

    /// <summary>The scale of a layer's weight, which the layer owns; null for 1.</summary>
    public static Tensor? ScaleOf(Linear layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return layer.get_buffer(ScaleName);
    }

    /// <summary>True where the layer keeps float8.</summary>
    public static bool AreOf(Linear layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return layer.weight!.dtype == Type;
    }

    /// <summary>
    /// Rounds a weight to float8 by one scale, with which its largest element is the largest of float8's numbers.
    /// </summary>
    /// <param name="layer">Gets the scale.</param>
    /// <param name="weight">[out, in], float32 or bfloat16.</param>
    /// <returns>The layer's weight to be, outside of all dispose scopes.</returns>
    public static Parameter Round(Linear layer, Tensor weight)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(weight);
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var scale = ScaleFor(weight);
        SetScale(layer, scale.DetachFromDisposeScope());
        var parameter = new Parameter(weight.div(scale).to(Type), requires_grad: false);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>The factor by which the largest of some elements becomes float8's largest number.</summary>
    /// <returns>Float32, [1]; never 0.</returns>
    internal static Tensor ScaleFor(Tensor elements) =>
        elements.abs().max().to(ScalarType.Float32).div_(_largest).clamp_min_(_smallestScale).view(1);

    /// <summary>Writes the layer's weight in the type it is multiplied in: scaled in float32 and rounded once, as if loaded so.</summary>
    /// <param name="layer">Its weight is float8.</param>
    /// <param name="target">[out, in], contiguous, float32 or bfloat16.</param>
    internal static void Widen(Linear layer, Tensor target)
    {
        using var scope = NewDisposeScope();
        var (stored, scale) = (layer.weight!, ScaleOf(layer));
        if (stored.device_type == DeviceType.CPU && stored.shape[1] % FusedRows.Width == 0)
        {
            WidenRows(stored.contiguous(), scale, target);
            return;
        }

        // A scale that is a tensor is multiplied by in float32; a number would be rounded to the weight's type.
        target.copy_(stored);
        if (scale is not null)
            target.mul_(scale);
    }

    /// <summary>On a CPU libtorch takes several times as long to convert float8 as memory takes to hold the result.</summary>
    /// <param name="codes">[out, in], contiguous, on the CPU.</param>
    /// <param name="scale">[1] or [out, 1], float32; null for 1.</param>
    /// <param name="values">[out, in], contiguous, float32 or bfloat16.</param>
    private static unsafe void WidenRows(Tensor codes, Tensor? scale, Tensor values)
    {
        var (rows, columns, loops) = (codes.shape[0], (int)codes.shape[1], FusedRows.Of(values.dtype));
        var (from, to) = (NativeTensor.DataPointer(codes), NativeTensor.DataPointer(values));
        var (factors, stride) = (scale is null ? 0 : NativeTensor.DataPointer(scale), scale?.numel() > 1 ? 1 : 0);
        FusedRows.ForEach(rows, values.numel() * loops.ElementSize, get_num_threads(), row =>
        {
            var factor = factors == 0 ? 1 : ((float*)factors)[row * stride];
            loops.WidenFloat8((byte*)from + row * columns, factor, (byte*)to + row * columns * loops.ElementSize, columns);
        });
        GC.KeepAlive((codes, scale, values));
    }
}
