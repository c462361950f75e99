using System.Buffers.Binary;
using System.Text.Json;
using FluxGrpc.Tensors;

namespace FluxGrpc.Checkpoints;

/// <summary>Writes safetensors files: what <see cref="SafetensorsFile"/> reads.</summary>
public static class SafetensorsWriter
{
    private const int HeaderAlignment = 8;

    /// <summary>Writes a file; a file of that name is replaced only when the new one is complete.</summary>
    /// <inheritdoc cref="Write(Stream, IEnumerable{TensorContent}, IReadOnlyDictionary{string, string}?)"/>
    public static void Write(string path, IEnumerable<TensorContent> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None))
                Write(stream, tensors, metadata);
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Writes the header, padded to 8 bytes, then the tensors' bytes one by one.</summary>
    /// <exception cref="ArgumentException">A name comes twice, or a tensor's bytes do not fit its shape and type.</exception>
    public static void Write(Stream stream, IEnumerable<TensorContent> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        // Wide elements first, so that each tensor starts at a multiple of its element's size.
        var ordered = tensors.OrderByDescending(tensor => tensor.Type.SizeInBytes()).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)
            .ToList();
        Check(ordered);
        var header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in ordered)
            stream.Write(tensor.Data.Span);
    }

    private static void Check(List<TensorContent> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"Tensor '{tensor.Name}' comes twice", nameof(tensors));
            if (!Shape.TryCount(tensor.Shape, out var count) || count != tensor.Data.Length / tensor.Type.SizeInBytes()
                || tensor.Data.Length % tensor.Type.SizeInBytes() != 0)
            {
                throw new ArgumentException(
                    $"Tensor '{tensor.Name}' of shape {Shape.Format(tensor.Shape)} cannot have {tensor.Data.Length} bytes",
                    nameof(tensors));
            }
        }
    }

    private static byte[] Header(List<TensorContent> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            long offset = 0;
            foreach (var tensor in tensors)
            {
                WriteEntry(json, tensor, offset);
                offset += tensor.Data.Length;
            }

            json.WriteEndObject();
        }

        while (bytes.Length % HeaderAlignment != 0)
            bytes.WriteByte((byte)' ');
        return bytes.ToArray();
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorContent tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Type.FormatName());
        json.WriteStartArray("shape");
        foreach (var dimension in tensor.Shape)
            json.WriteNumberValue(dimension);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.Data.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
