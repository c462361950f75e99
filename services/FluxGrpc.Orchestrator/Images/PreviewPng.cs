using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>
/// Writes the PNG of a preview (W3C PNG, third edition): true color, 8 bits, each sample less its left neighbor, one IDAT chunk.
/// </summary>
/// <remarks>
/// Between two steps the denoiser has driven everything else out of the caches, and <see cref="PngWriter"/>, which is a whole image
/// library, then takes ten times as long (0.69 ms against 0.08 ms here): 4 % of a step of the mini model.
/// </remarks>
internal static class PreviewPng
{
    private const byte BitDepth = 8;
    private const byte TrueColor = 2;
    private const byte FilterSub = 1;

    private static readonly byte[] _signature = [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n'];

    /// <summary>Encodes a picture.</summary>
    /// <param name="pixels">Samples [H, W, 3], RGB.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height)
    {
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        (header[8], header[9]) = (BitDepth, TrueColor);

        using var file = new MemoryStream();
        file.Write(_signature);
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Compress(pixels, width * PngWriter.Channels));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static ReadOnlySpan<byte> Compress(ReadOnlySpan<byte> pixels, int rowLength)
    {
        var filtered = new byte[1 + rowLength];
        filtered[0] = FilterSub;
        var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (; !pixels.IsEmpty; pixels = pixels[rowLength..])
            {
                for (var i = 0; i < rowLength; i++)
                    filtered[1 + i] = i < PngWriter.Channels ? pixels[i] : (byte)(pixels[i] - pixels[i - PngWriter.Channels]);
                zlib.Write(filtered);
            }
        }

        return compressed.GetBuffer().AsSpan(0, (int)compressed.Length);
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);

        var checksum = new Crc32();
        checksum.Append(type);
        checksum.Append(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, checksum.GetCurrentHashAsUInt32());
        file.Write(number);
    }
}
