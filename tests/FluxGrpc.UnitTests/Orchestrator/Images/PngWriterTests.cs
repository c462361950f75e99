using System.Buffers.Binary;
using System.Text;
using CsCheck;
using FluxGrpc.Orchestrator.Images;
using ImageMagick;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Images;

public sealed class PngWriterTests
{
    private static readonly KeyValuePair<string, string>[] _texts =
    [
        new("prompt", "ein roter Kreis — 赤い円 🔴\nneben \"Blau\""),
        new("seed", "18446744073709551615"),
        new("steps", "28"),
        new("guidance", "3.5"),
        new("model", "mini"),
        new("software", "FluxGrpc 0.1.0"),
    ];

    [Fact]
    public void The_file_is_a_sound_png_without_dates()
    {
        var chunks = Chunks(PngWriter.Encode(Pixels(40, 24), 40, 24, _texts));

        Assert.Equal("IHDR", chunks[0].Type);
        Assert.Equal("IEND", chunks[^1].Type);
        var header = chunks[0].Content;
        Assert.Equal((40, 24), (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4))));
        Assert.Equal([8, 2, 0, 0, 0], header[8..]); // 8 bits, RGB, deflate, the standard filters, not interlaced.
        Assert.Equal(_texts.Select(text => text.Key).Order(),
            chunks.Where(chunk => chunk.Type is "tEXt" or "zTXt" or "iTXt").Select(chunk => Keyword(chunk.Content)).Order());
        Assert.All(chunks, chunk => Assert.Contains(chunk.Type, new[] { "IHDR", "tEXt", "zTXt", "iTXt", "IDAT", "IEND" }));
    }

    [Fact]
    public void Texts_outside_Latin_1_are_utf_8() => Assert.Equal("prompt", Assert.Single(
        from chunk in Chunks(PngWriter.Encode(Pixels(16, 16), 16, 16, _texts))
        where chunk.Type == "iTXt"
        select Keyword(chunk.Content)));

    [Fact]
    public void The_pixels_come_back()
    {
        var pixels = Pixels(33, 17);

        using var image = new MagickImage(PngWriter.Encode(pixels, 33, 17, _texts));
        using var decoded = image.GetPixels();

        Assert.Equal(pixels, decoded.ToByteArray(PixelMapping.RGB));
    }

    [Fact]
    public void One_colour_is_still_stored_as_rgb() =>
        Assert.Equal(2, Chunks(PngWriter.Encode(new byte[16 * 16 * 3], 16, 16, [])).First().Content[9]);

    [Fact]
    public void Equal_input_gives_equal_bytes() =>
        Assert.Equal(PngWriter.Encode(Pixels(64, 64), 64, 64, _texts), PngWriter.Encode(Pixels(64, 64), 64, 64, _texts));

    [Fact]
    public void Any_text_comes_back() =>
        Gen.OneOf(Gen.String[Gen.Char.AlphaNumeric, 0, 300], Gen.String[0, 300]).Sample(text =>
        {
            var file = PngWriter.Encode(new byte[3], 1, 1, [new("prompt", text)]);

            // NUL ends a text, and halves of surrogate pairs are no characters.
            var expected = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Replace("\0", "", StringComparison.Ordinal)));
            Assert.Equal(expected, PngMetadata.Read(file).GetValueOrDefault("prompt", ""));
        }, iter: 300, threads: 1);

    [Fact]
    public void A_wrong_number_of_samples_is_refused() =>
        Assert.Throws<ArgumentException>(() => PngWriter.Encode(new byte[11], 2, 2, []));

    [Fact]
    public void Any_bytes_give_texts_or_one_clear_error()
    {
        var file = PngWriter.Encode(Pixels(16, 16), 16, 16, [.. _texts, new("long", new string('x', 500))]);
        Gen.Select(Gen.Int[0, file.Length], Gen.Select(Gen.Int[0, 400], Gen.Byte).Array[0, 20]).Sample((length, changes) =>
        {
            var broken = file[..length];
            foreach (var (place, value) in changes)
            {
                if (place < broken.Length)
                    broken[place] = value;
            }

            try
            {
                _ = PngMetadata.Read(broken);
            }
            catch (InvalidDataException)
            {
            }
        });
    }

    [Fact]
    public void A_compressed_text_that_asks_for_a_dictionary_is_broken()
    {
        var file = PngWriter.Encode(Pixels(16, 16), 16, 16, [new("long", new string('x', 500))]);
        var zlibHeader = file.AsSpan().IndexOf("zTXtlong"u8) + "zTXtlong".Length + 2; // The keyword's end and the method.
        file[zlibHeader + 1] = 0xBB; // A header that is sound, but names a preset dictionary.

        Assert.Throws<InvalidDataException>(() => PngMetadata.Read(file));
    }

    private static byte[] Pixels(int width, int height) =>
        [.. Enumerable.Range(0, width * height * 3).Select(i => (byte)(i * i / 7))];

    private static string Keyword(byte[] content) => Encoding.Latin1.GetString(content, 0, Array.IndexOf(content, (byte)0));

    /// <summary>Takes a file apart as pngcheck does: signature, lengths and checksums.</summary>
    private static List<(string Type, byte[] Content)> Chunks(byte[] file)
    {
        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], file[..8]);
        var chunks = new List<(string, byte[])>();
        for (var start = 8; start < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(start));
            var typeAndContent = file.AsSpan(start + 4, 4 + length);
            Assert.Equal(Checksum(typeAndContent), BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(start + 8 + length)));
            chunks.Add((Encoding.ASCII.GetString(typeAndContent[..4]), typeAndContent[4..].ToArray()));
            start += 12 + length;
        }

        return chunks;
    }

    /// <summary>CRC-32 as PNG has it.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var checksum = uint.MaxValue;
        foreach (var value in bytes)
        {
            checksum ^= value;
            for (var bit = 0; bit < 8; bit++)
                checksum = (checksum >> 1) ^ ((checksum & 1) * 0xEDB8_8320);
        }

        return ~checksum;
    }
}
