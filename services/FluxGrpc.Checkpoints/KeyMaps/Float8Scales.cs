using System.Buffers.Binary;

namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>
/// Scaled float8 of ComfyUI: a layer's weight is its stored values times the scalar <c>scale_weight</c> beside it. The factors for
/// activations (<c>scale_input</c>) matter only to who multiplies in float8.
/// </summary>
internal static class Float8Scales
{
    private const string Marker = "scaled_fp8";
    private const string InputScale = ".scale_input";
    private const string WeightScale = ".scale_weight";

    /// <summary>Takes the scales out of a component's tensors and puts each on its weight.</summary>
    /// <exception cref="InvalidDataException">A scale is not one finite float32 number.</exception>
    public static void Apply(Dictionary<string, StoredTensor> tensors)
    {
        tensors.Remove(Marker);
        foreach (var name in tensors.Keys.ToArray())
        {
            if (name.EndsWith(InputScale, StringComparison.Ordinal))
                tensors.Remove(name);
            if (!name.EndsWith(WeightScale, StringComparison.Ordinal))
                continue;
            var weight = name[..^WeightScale.Length] + ".weight";
            if (!tensors.TryGetValue(weight, out var stored))
                continue; // Left over, and reported as unexpected.
            tensors[weight] = stored with { Scale = Read(tensors[name]) };
            tensors.Remove(name);
        }
    }

    private static float Read(StoredTensor scale)
    {
        var entry = scale.Entry;
        if (entry.Type != StorageType.Float32 || entry.ElementCount != 1)
            throw new InvalidDataException($"'{entry}' is not one F32 number");
        var value = BinaryPrimitives.ReadSingleLittleEndian(scale.File.Bytes(entry, 0, sizeof(float)));
        return float.IsFinite(value) ? value : throw new InvalidDataException($"'{entry.Name}' is not finite");
    }
}
