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
    public static void Write(string path, IEnumerable<TensorContent> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Replace(path, stream => Write(stream, tensors, metadata));

    /// <summary>
    /// Writes a file whose tensors are too large to be held together: each is asked for in its turn, and may be forgotten after it.
    /// A file of that name is replaced only when the new one is complete.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="plans">The tensors.</param>
    /// <param name="produce">Makes a tensor's elements, row-major, little-endian.</param>
    /// <param name="metadata">Free text by key.</param>
    /// <exception cref="ArgumentException">A name comes twice, or a tensor's bytes do not fit its shape and type.</exception>
    public static void Write(string path, IEnumerable<TensorPlan> plans, Func<TensorPlan, ReadOnlyMemory<byte>> produce,
        IReadOnlyDictionary<string, string>? metadata = null) => Replace(path, stream => Write(stream, plans, produce, metadata));

    /// <summary>Writes the header, padded to 8 bytes, then the tensors' bytes one by one.</summary>
    /// <exception cref="ArgumentException">A name comes twice, or a tensor's bytes do not fit its shape and type.</exception>
    public static void Write(Stream stream, IEnumerable<TensorContent> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var contents = tensors.ToList();
        var byName = contents.ToLookup(tensor => tensor.Name, StringComparer.Ordinal);
        Write(stream, contents.Select(tensor => new TensorPlan(tensor.Name, tensor.Type, tensor.Shape)),
            plan => byName[plan.Name].First().Data, metadata);
    }

    private static void Write(Stream stream, IEnumerable<TensorPlan> plans, Func<TensorPlan, ReadOnlyMemory<byte>> produce,
        IReadOnlyDictionary<string, string>? metadata)
    {
        // Wide elements first, so that each tensor starts at a multiple of its element's size.
        var ordered = plans.OrderByDescending(plan => plan.Type.SizeInBytes()).ThenBy(plan => plan.Name, StringComparer.Ordinal).ToList();
        if (ordered.GroupBy(plan => plan.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"Tensor '{twice.Key}' comes twice", nameof(plans));

        var header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var plan in ordered)
        {
            var data = produce(plan);
            if (data.Length != plan.ByteLength)
            {
                throw new ArgumentException(
                    $"Tensor '{plan.Name}' of shape {Shape.Format(plan.Shape)} cannot have {data.Length} bytes", nameof(produce));
            }

            stream.Write(data.Span);
        }
    }

    private static void Replace(string path, Action<Stream> write)
    {
        var partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None))
                write(stream);
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static byte[] Header(List<TensorPlan> plans, IReadOnlyDictionary<string, string>? metadata)
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
            foreach (var plan in plans)
            {
                WriteEntry(json, plan, offset);
                offset += plan.ByteLength;
            }

            json.WriteEndObject();
        }

        while (bytes.Length % HeaderAlignment != 0)
            bytes.WriteByte((byte)' ');
        return bytes.ToArray();
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorPlan plan, long offset)
    {
        json.WriteStartObject(plan.Name);
        json.WriteString("dtype", plan.Type.FormatName());
        json.WriteStartArray("shape");
        foreach (var dimension in plan.Shape)
            json.WriteNumberValue(dimension);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + plan.ByteLength);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
