using FluxGrpc.Torch.Kernels;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>A tensor under the module's name and in the module's shape, wherever its bytes lie.</summary>
public sealed class CheckpointTensor
{
    internal CheckpointTensor(string name, IReadOnlyList<long> shape, IReadOnlyList<TensorPart> parts) =>
        (Name, Shape, Parts) = (name, shape, parts);

    /// <summary>The module's key.</summary>
    public string Name { get; }

    /// <summary>Dimensions in the module.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Element type in the file: of the first part, where several make up the tensor.</summary>
    public StorageType Type => Parts[0].Entry.Type;

    /// <summary>Number of elements.</summary>
    public long ElementCount => Parts.Sum(part => part.Count);

    /// <summary>Bytes in the file.</summary>
    public long ByteLength => Parts.Sum(part => part.ByteLength);

    /// <summary>The runs of elements that make up the tensor, in its order.</summary>
    internal IReadOnlyList<TensorPart> Parts { get; }

    /// <summary>
    /// The type that all elements are stored in, where a linear layer can keep them so while it computes in another; else null. Only
    /// float8 may have factors.
    /// </summary>
    /// <param name="computed">float32 or bfloat16.</param>
    internal ScalarType? TypeToKeep(ScalarType computed)
    {
        var type = (ScalarType)Type.ToTorch();
        return KeptWeights.AreNarrower(type, computed) && Parts.All(part => part.Entry.Type == Type)
            && (type == Float8Weights.Type || Parts.All(part => part.Scale == 1)) ? type : null;
    }

    /// <summary>The stored values without the factors on them.</summary>
    internal CheckpointTensor Unscaled() => new(Name, Shape, [.. Parts.Select(part => part with { Scale = 1 })]);

    /// <summary>Text such as <c>img_in.weight BF16 [3072, 64]</c>.</summary>
    public override string ToString() => $"{Name} {Type.FormatName()} {FluxGrpc.Tensors.Shape.Format(Shape)}";
}
