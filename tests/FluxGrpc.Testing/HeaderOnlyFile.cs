using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using FluxGrpc.Checkpoints;

namespace FluxGrpc.Testing;

/// <summary>Safetensors files whose data is a hole in the file: full-size checkpoints for tests that read headers only.</summary>
public static class HeaderOnlyFile
{
    /// <summary>Writes a file of that many tensors, all zero; 24 GB take a few kilobytes on the disk.</summary>
    public static void Write(
        string path, IEnumerable<(string Key, IReadOnlyList<long> Shape)> tensors, StorageType type = StorageType.BFloat16)
    {
        var header = new Dictionary<string, object>();
        long end = 0;
        foreach (var (key, shape) in tensors)
        {
            var start = end;
            end += shape.Aggregate((long)type.SizeInBytes(), (product, dimension) => product * dimension);
            header.Add(key, new { dtype = type.FormatName(), shape, data_offsets = new[] { start, end } });
        }

        WriteRaw(path, JsonSerializer.Serialize(header), end);
    }

    /// <summary>Writes a header that may say anything, and a hole of some length after it.</summary>
    public static void WriteRaw(string path, string header, long dataLength, ulong? claimedHeaderLength = null)
    {
        var json = Encoding.UTF8.GetBytes(header);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, claimedHeaderLength ?? (ulong)json.Length);
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write);
        stream.Write(length);
        stream.Write(json);
        stream.SetLength(sizeof(ulong) + json.Length + dataLength);
    }
}
