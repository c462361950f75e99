namespace FluxGrpc.Checkpoints;

/// <summary>One tensor of a safetensors file, as its checked header describes it.</summary>
/// <param name="Name">Key in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, slowest first; none for a scalar.</param>
/// <param name="Offset">First byte, counted from the start of the file.</param>
/// <param name="ByteLength">Bytes: elements times size.</param>
public sealed record TensorEntry(string Name, StorageType Type, IReadOnlyList<long> Shape, long Offset, long ByteLength)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => ByteLength / Type.SizeInBytes();

    /// <summary>Text such as <c>img_in.weight BF16 [3072, 64]</c>.</summary>
    public override string ToString() => $"{Name} {Type.FormatName()} {FluxGrpc.Tensors.Shape.Format(Shape)}";
}
