using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers that hold their weight as it is stored, in float8 (see <see cref="Float8Weights"/>), bfloat16 or float16, and compute
/// in a wider type. Widening is exact but for the scale of float8, so the product is that of a layer that was loaded in the wider type.
/// </summary>
public static class KeptWeights
{
    /// <summary>True where the weight must be widened to meet inputs of a type.</summary>
    /// <param name="layer">Any.</param>
    /// <param name="type">float32 or bfloat16.</param>
    public static bool AreOf(Linear layer, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return AreNarrower(layer.weight!.dtype, type);
    }

    /// <summary>True for a type of weights that can be kept while another is computed in.</summary>
    /// <param name="stored">Type of the weights.</param>
    /// <param name="type">float32 or bfloat16.</param>
    public static bool AreNarrower(ScalarType stored, ScalarType type) => stored == Float8Weights.Type
        || type == ScalarType.Float32 && stored is ScalarType.BFloat16 or ScalarType.Float16;

    /// <summary>The layer's weight in a wider type.</summary>
    /// <param name="layer">Its weight is kept, see <see cref="AreOf"/>.</param>
    /// <param name="type">float32 or bfloat16.</param>
    /// <returns>[out, in]; the caller disposes it.</returns>
    public static Tensor Widen(Linear layer, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(layer);
        var weight = empty(layer.weight!.shape, type, layer.weight.device);
        Widen(layer, weight);
        return weight;
    }

    /// <summary>Writes the layer's weight to a tensor of a wider type.</summary>
    /// <param name="layer">Its weight is kept.</param>
    /// <param name="target">[out, in], contiguous, on the layer's device.</param>
    public static void Widen(Linear layer, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(target);
        if (Float8Weights.AreOf(layer))
            Float8Weights.Widen(layer, target);
        else
            target.copy_(layer.weight!);
    }
}
