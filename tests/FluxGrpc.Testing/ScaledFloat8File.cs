using FluxGrpc.Checkpoints;
using FluxGrpc.Torch.Kernels;
using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>Makes of a file of weights one with each matrix in float8 and a scale of its own, as ComfyUI names it.</summary>
public static class ScaledFloat8File
{
    private const float Largest = 448;

    /// <summary>Writes it; all tensors are in memory at once.</summary>
    /// <param name="source">A safetensors file.</param>
    /// <param name="target">The file to write.</param>
    public static void Write(string source, string target)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(source);
        SafetensorsWriter.Write(target, file.Tensors.Keys.SelectMany(name => Quantise(name, file.View(name))));
    }

    private static IEnumerable<TensorContent> Quantise(string name, Tensor value)
    {
        if (value.dim() != 2)
        {
            yield return TensorContent.Of(name, value);
            yield break;
        }

        using var scope = NewDisposeScope();
        var wide = value.to(ScalarType.Float32);
        var scale = wide.abs().max().item<float>() / Largest;
        var rounded = (wide / scale).clamp(-Largest, Largest).to(Float8Weights.Type);
        yield return new TensorContent(name, StorageType.Float8E4M3Fn, value.shape, rounded.bytes.ToArray());
        yield return new TensorContent(name.Replace(".weight", ".scale_weight", StringComparison.Ordinal), StorageType.Float32, [],
            BitConverter.GetBytes(scale));
    }
}
