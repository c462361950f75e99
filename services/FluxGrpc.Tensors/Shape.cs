using FluxGrpc.V1;

namespace FluxGrpc.Tensors;

/// <summary>Dimensions, slowest first, that came from outside: products are computed without overflow.</summary>
public static class Shape
{
    /// <summary>Largest number of dimensions of a tensor on the wire.</summary>
    public const int MaxRank = 8;

    /// <summary>Multiplies the dimensions.</summary>
    /// <returns>False where a dimension is negative or the product exceeds <see cref="long.MaxValue"/>.</returns>
    public static bool TryCount(IEnumerable<long> shape, out long count)
    {
        count = 1;
        foreach (var dimension in shape)
        {
            if (dimension < 0)
                return false;
            if (dimension != 0 && count > long.MaxValue / dimension)
                return false;
            count *= dimension;
        }

        return true;
    }

    /// <summary>Text such as [1, 512, 4096].</summary>
    public static string Format(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>True where the tensor has exactly this shape.</summary>
    public static bool Is(Tensor tensor, params ReadOnlySpan<long> shape)
    {
        if (tensor.Shape.Count != shape.Length)
            return false;
        for (var i = 0; i < shape.Length; i++)
        {
            if (tensor.Shape[i] != shape[i])
                return false;
        }

        return true;
    }
}
