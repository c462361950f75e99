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

    /// <summary>The layer's weight in the type that it is multiplied in: scaled in float32 and rounded once, as if loaded so.</summary>
    /// <param name="layer">With a weight of any type.</param>
    /// <param name="type">float32 or bfloat16, and the weight's own where that is not float8.</param>
    /// <returns>[out, in]; the caller disposes it.</returns>
    public static Tensor Widen(Linear layer, ScalarType type)
    {
        if (!AreOf(layer))
            return layer.weight!.alias();
        var weight = layer.weight!.to(type);
        // A scale that is a tensor is multiplied by in float32; a bare number would be rounded to the weight's type first.
        return ScaleOf(layer) is { } scale ? weight.mul_(scale) : weight;
    }
}
