using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>A tensor to be written to a safetensors file.</summary>
/// <param name="Name">Key in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, slowest first.</param>
/// <param name="Data">Elements, row-major, little-endian.</param>
public sealed record TensorContent(string Name, StorageType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data)
{
    /// <summary>Copies a tensor of any device.</summary>
    /// <exception cref="ArgumentException">The format has no such element type.</exception>
    public static TensorContent Of(string name, Tensor tensor)
    {
        var type = StorageTypes.FromTorch(tensor.dtype);
        using var scope = NewDisposeScope();
        return new TensorContent(name, type, tensor.shape, tensor.detach().cpu().contiguous().bytes.ToArray());
    }
}
