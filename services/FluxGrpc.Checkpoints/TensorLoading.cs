using FluxGrpc.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>Makes parameters of stored tensors.</summary>
internal static class TensorLoading
{
    /// <summary>Elements converted at a time: it bounds what is resident besides the parameters, and keeps all cores busy.</summary>
    private const long ChunkElements = 8 << 20;

    /// <summary>
    /// Loads one tensor: as a view of the mapped file where it is stored just so, else by one pass over its parts, whose pages are
    /// released on the way.
    /// </summary>
    /// <returns>A parameter without gradient, outside of all dispose scopes.</returns>
    public static Parameter Load(CheckpointTensor tensor, Device device, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var loaded = IsStoredAsWanted(tensor, device, type) ? View(tensor) : Copy(tensor, device, type);
        var parameter = new Parameter(loaded, requires_grad: false);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>Factors on a matrix's stored values, for each row where they differ; null where all are 1.</summary>
    /// <returns>[1] or [rows, 1], float32, outside of all dispose scopes.</returns>
    public static Tensor? LoadScale(CheckpointTensor tensor, Device device)
    {
        if (tensor.Parts.All(part => part.Scale == 1))
            return null;
        var scales = tensor.Parts.Select(part => part.Scale).Distinct().ToArray();
        var (rows, columns) = (tensor.Shape[0], tensor.Shape[1]);
        float[] factors = scales.Length == 1
            ? scales
            : [.. tensor.Parts.SelectMany(part => Enumerable.Repeat(part.Scale, (int)(part.Count / columns)))];
        using var scope = NewDisposeScope();
        var values = torch.tensor(factors, device: device);
        return (scales.Length == 1 ? values : values.view(rows, 1)).DetachFromDisposeScope();
    }

    private static bool IsStoredAsWanted(CheckpointTensor tensor, Device device, ScalarType type) =>
        device.type == DeviceType.CPU && tensor.Parts is [{ Scale: 1 } part] && part.Entry.Type.ToTorch() == (sbyte)type;

    private static Tensor View(CheckpointTensor tensor)
    {
        var part = tensor.Parts[0];
        return part.File.View(part.Entry, part.First, part.Count, [.. tensor.Shape]);
    }

    private static Tensor Copy(CheckpointTensor tensor, Device device, ScalarType type)
    {
        var loaded = empty([.. tensor.Shape], dtype: type, device: device);
        var flat = loaded.view(-1);
        long written = 0;
        foreach (var part in tensor.Parts)
        {
            for (long done = 0; done < part.Count; done += ChunkElements)
            {
                var count = Math.Min(ChunkElements, part.Count - done);
                CopyChunk(part, part.First + done, count, flat, written);
                written += count;
            }
        }

        return loaded;
    }

    private static void CopyChunk(TensorPart part, long first, long count, Tensor target, long targetFirst)
    {
        using var stored = part.File.View(part.Entry, first, count, [count]);
        using var source = DeviceTransfer.Send(stored, target.device); // Converted there: the CPU has the next chunk to read.
        using var slice = target.narrow(0, targetFirst, count);
        if (part.Scale == 1)
        {
            slice.copy_(source);
        }
        else
        {
            // Scaled in float32 and rounded once.
            using var values = source.to(ScalarType.Float32);
            slice.copy_(values.mul_(part.Scale));
        }

        part.File.Release(part.Entry, first, count);
    }
}
