using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;

namespace FluxGrpc.Checkpoints;

/// <summary>
/// Digest of a component: names, shapes, types, scales and samples of the content in the module's order of elements (so the same
/// weights in two layouts have the same digest), the variant, the compute type, the kind of device and its kernels.
/// </summary>
internal static class CheckpointFingerprint
{
    private const int Samples = 4;
    private const int SampleBytes = 256;
    private const int HexDigits = 32;

    public static string Compute(IReadOnlyDictionary<string, CheckpointTensor> tensors, string variant, ComputeDevice device)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, variant);
        Append(hash, device.TypeName);
        Append(hash, device.Kind);
        Append(hash, $"{device.Kernels.Name} {ComputeKernels.Revision}");
        foreach (var tensor in tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
            Append(hash, tensor);
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..HexDigits];
    }

    private static void Append(IncrementalHash hash, CheckpointTensor tensor)
    {
        Append(hash, tensor.ToString());

        // Each kind of part once: a layout may store the same weights in more parts.
        foreach (var (type, scale) in tensor.Parts.Select(part => (part.Entry.Type, part.Scale)).Distinct())
            Append(hash, $"{type.FormatName()} {BitConverter.SingleToInt32Bits(scale):x8}");

        // Windows spread from the first byte to the last.
        var length = tensor.ByteLength;
        for (var sample = 0; sample < Samples; sample++)
        {
            var start = (long)((Int128)Math.Max(0, length - SampleBytes) * sample / (Samples - 1));
            AppendBytes(hash, tensor, start, Math.Min(start + SampleBytes, length));
        }
    }

    private static void AppendBytes(IncrementalHash hash, CheckpointTensor tensor, long start, long end)
    {
        long partStart = 0;
        foreach (var part in tensor.Parts)
        {
            var from = Math.Max(start, partStart);
            var to = Math.Min(end, partStart + part.ByteLength);
            if (from < to)
            {
                var offset = part.First * part.Entry.Type.SizeInBytes() + from - partStart;
                hash.AppendData(part.File.Bytes(part.Entry, offset, (int)(to - from)));
            }

            partStart += part.ByteLength;
        }
    }

    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Append(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void Append(IncrementalHash hash, int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
