namespace FluxGrpc.Checkpoints;

/// <summary>A tensor that a safetensors file is to have, its elements to be made later.</summary>
/// <param name="Name">Key in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, slowest first.</param>
public sealed record TensorPlan(string Name, StorageType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Bytes of its elements.</summary>
    /// <exception cref="ArgumentException">The shape has a negative dimension or its product overflows.</exception>
    public long ByteLength => FluxGrpc.Tensors.Shape.TryCount(Shape.Append(Type.SizeInBytes()), out var bytes)
        ? bytes
        : throw new ArgumentException($"Tensor '{Name}' cannot have the shape {FluxGrpc.Tensors.Shape.Format(Shape)}");
}
