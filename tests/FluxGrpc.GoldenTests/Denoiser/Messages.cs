using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Tensors of golden files as messages.</summary>
internal static class Messages
{
    /// <summary>One sample of a batch [B, …] as [1, …].</summary>
    public static Tensor Slice(GoldenFile file, string name, int sample)
    {
        var (values, shape) = (file.Floats(name), file.Shape(name));
        var size = values.Length / (int)shape[0];
        return TensorMessage.FromFloats(values.AsSpan(sample * size, size), [1, .. shape.Skip(1)]);
    }
}
