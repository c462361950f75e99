using System.Buffers.Binary;
using System.Text.Json;

namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>
/// Scaled float8 of ComfyUI: a layer's weight is its stored values times the scalar beside it, <c>scale_weight</c> or, in newer files,
/// <c>weight_scale</c>. The factors for activations (<c>scale_input</c>, <c>input_scale</c>) matter only to who multiplies in float8 with
/// factors found beforehand. Source: ComfyUI's QUANTIZATION.md.
/// </summary>
internal static class Float8Scales
{
    private const string Marker = "scaled_fp8";

    /// <summary>Tensor of bytes: JSON that names a layer's format.</summary>
    private const string FormatOfLayer = ".comfy_quant";

    private const string Float8Format = "float8_e4m3fn";
    private const long MostFormatBytes = 1 << 16;

    private static readonly string[] _inputScales = [".scale_input", ".input_scale"];
    private static readonly string[] _weightScales = [".scale_weight", ".weight_scale"];

    /// <summary>Takes the scales out of a component's tensors and puts each on its weight.</summary>
    /// <exception cref="InvalidDataException">
    /// A scale is not one finite float32 number, or a layer has a format that is not read.
    /// </exception>
    public static void Apply(Dictionary<string, StoredTensor> tensors)
    {
        tensors.Remove(Marker);
        foreach (var name in tensors.Keys.ToArray())
        {
            if (LayerOf(name, FormatOfLayer) is { } layer && tensors.ContainsKey(layer + ".weight"))
            {
                CheckFormat(tensors[name]);
                tensors.Remove(name);
            }

            if (LayerOf(name, _inputScales) is not null)
                tensors.Remove(name);
            if (LayerOf(name, _weightScales) is not { } scaled || !tensors.TryGetValue(scaled + ".weight", out var stored))
                continue; // One without a weight is left over, and reported as unexpected.
            tensors[scaled + ".weight"] = stored with { Scale = Read(tensors[name]) };
            tensors.Remove(name);
        }
    }

    /// <summary>A name without its ending; null where it has none of these.</summary>
    private static string? LayerOf(string name, params ReadOnlySpan<string> endings)
    {
        foreach (var ending in endings)
        {
            if (name.EndsWith(ending, StringComparison.Ordinal))
                return name[..^ending.Length];
        }

        return null;
    }

    private static float Read(StoredTensor scale)
    {
        var entry = scale.Entry;
        if (entry.Type != StorageType.Float32 || entry.ElementCount != 1)
            throw new InvalidDataException($"'{entry}' is not one F32 number");
        var value = BinaryPrimitives.ReadSingleLittleEndian(scale.File.Bytes(entry, 0, sizeof(float)));
        return float.IsFinite(value) ? value : throw new InvalidDataException($"'{entry.Name}' is not finite");
    }

    private static void CheckFormat(StoredTensor format)
    {
        var entry = format.Entry;
        if (entry.Type != StorageType.UInt8 || entry.ElementCount > MostFormatBytes)
            throw new InvalidDataException($"'{entry}' is not JSON of at most {MostFormatBytes} bytes");
        try
        {
            var reader = new Utf8JsonReader(format.File.Bytes(entry, 0, (int)entry.ElementCount));
            using var json = JsonDocument.ParseValue(ref reader);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("format", out var name)
                || name.ValueKind != JsonValueKind.String)
                throw new InvalidDataException($"'{entry.Name}' names no format");
            if (name.GetString() != Float8Format)
                throw new InvalidDataException($"'{entry.Name}' says '{name.GetString()}'; the one format that is read is {Float8Format}");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{entry.Name}' is not JSON: {exception.Message}", exception);
        }
    }
}
