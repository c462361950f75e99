using FluxGrpc.Checkpoints;
using FluxGrpc.Torch.Kernels;
using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>Makes of a file of weights one with each matrix in float8 and a scale of its own, as ComfyUI names it.</summary>
public static class ScaledFloat8File
{
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

        using var layer = nn.Linear(value.shape[1], value.shape[0], hasBias: false, device: META);
        using var rounded = Float8Weights.Round(layer, value);
        yield return new TensorContent(name, StorageType.Float8E4M3Fn, value.shape, rounded.bytes.ToArray());
        yield return new TensorContent(name.Replace(".weight", ".scale_weight", StringComparison.Ordinal), StorageType.Float32, [],
            Float8Weights.ScaleOf(layer)!.bytes.ToArray());
    }
}
