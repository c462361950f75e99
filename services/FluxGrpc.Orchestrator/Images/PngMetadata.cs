using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>Reads the text chunks of a PNG file; the file is not trusted.</summary>
public static class PngMetadata
{
    private const int MaxTextBytes = 1 << 20;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Keyword and text of each tEXt, zTXt and iTXt chunk; of equal keywords the last.</summary>
    /// <exception cref="InvalidDataException">Not a PNG file, or a broken one.</exception>
    public static IReadOnlyDictionary<string, string> Read(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(Signature))
            throw new InvalidDataException("Not a PNG file");
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        var rest = file[Signature.Length..];
        while (rest.Length > 0)
        {
            var length = rest.Length >= 12 ? BinaryPrimitives.ReadUInt32BigEndian(rest) : uint.MaxValue;
            if (length > rest.Length - 12)
                throw new InvalidDataException("The PNG file ends within a chunk");
            var content = rest.Slice(8, (int)length);
            if (ReadText(rest.Slice(4, 4), content) is var (keyword, text))
                texts[keyword] = text;
            rest = rest[(12 + (int)length)..];
        }

        return texts;
    }

    private static (string Keyword, string Text)? ReadText(ReadOnlySpan<byte> type, ReadOnlySpan<byte> content)
    {
        if (type.SequenceEqual("tEXt"u8))
            return (TakeKeyword(ref content), Encoding.Latin1.GetString(content));
        if (type.SequenceEqual("zTXt"u8))
        {
            var keyword = TakeKeyword(ref content);
            TakeBytes(ref content, 1); // Method: only deflate is defined.
            return (keyword, Encoding.Latin1.GetString(Inflate(content)));
        }

        if (type.SequenceEqual("iTXt"u8))
        {
            var keyword = TakeKeyword(ref content);
            var isCompressed = TakeBytes(ref content, 2)[0] != 0;
            TakeUntilZero(ref content); // Language.
            TakeUntilZero(ref content); // Translated keyword.
            return (keyword, Encoding.UTF8.GetString(isCompressed ? Inflate(content) : content));
        }

        return null;
    }

    private static string TakeKeyword(ref ReadOnlySpan<byte> content) => Encoding.Latin1.GetString(TakeUntilZero(ref content));

    private static ReadOnlySpan<byte> TakeUntilZero(ref ReadOnlySpan<byte> content)
    {
        var end = content.IndexOf((byte)0);
        if (end < 0)
            throw new InvalidDataException("A text chunk of the PNG file has no end of its keyword");
        var taken = content[..end];
        content = content[(end + 1)..];
        return taken;
    }

    private static ReadOnlySpan<byte> TakeBytes(ref ReadOnlySpan<byte> content, int count)
    {
        if (content.Length < count)
            throw new InvalidDataException("A text chunk of the PNG file is too short");
        var taken = content[..count];
        content = content[count..];
        return taken;
    }

    private static byte[] Inflate(ReadOnlySpan<byte> compressed)
    {
        using var zlib = new ZLibStream(new MemoryStream(compressed.ToArray()), CompressionMode.Decompress);
        var text = new byte[MaxTextBytes + 1];
        int length;
        try
        {
            length = zlib.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        }
        catch (IOException exception) // What zlib says of some broken streams; of others it says InvalidDataException.
        {
            throw new InvalidDataException("A compressed text of the PNG file is broken", exception);
        }

        return length <= MaxTextBytes
            ? text[..length]
            : throw new InvalidDataException($"A text of the PNG file is longer than {MaxTextBytes} bytes");
    }
}
