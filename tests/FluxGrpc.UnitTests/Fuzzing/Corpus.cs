using System.Text;
using FluxGrpc.LocalCluster;
using ImageMagick;

namespace FluxGrpc.UnitTests.Fuzzing;

/// <summary>Small files that are as they should be, for mutations to begin with.</summary>
internal static class Corpus
{
    /// <summary>A PNG, a JPEG and a WebP file.</summary>
    public static IReadOnlyList<byte[]> Pictures { get; } =
        [.. new[] { MagickFormat.Png, MagickFormat.Jpeg, MagickFormat.WebP }.Select(Picture)];

    /// <summary>Whole safetensors files.</summary>
    public static IReadOnlyList<byte[]> Safetensors { get; } =
    [
        Safetensor("{}", 0),
        Safetensor("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}""", 9),
        Safetensor("""{"__metadata__":{"format":"pt","x":"y"},"t.0.w":{"dtype":"BF16","shape":[1,2,3],"data_offsets":[0,12]}}   """, 12),
        Safetensor("{" + string.Join(',', Enumerable.Range(0, 40).Select(number =>
            $$$"""
            "layer.{{{number}}}":{"dtype":"I64","shape":[2,1],"data_offsets":[{{{16 * number}}},{{{16 * (number + 1)}}}]}
            """)) + "}", 640),
    ];

    /// <summary>The mini checkpoint's SentencePiece model.</summary>
    public static byte[] SentencePiece { get; } = File.ReadAllBytes(Tokenizer("tokenizer_2", "spiece.model"));

    /// <summary>The mini checkpoint's vocabulary of CLIP.</summary>
    public static byte[] ClipVocabulary { get; } = File.ReadAllBytes(Tokenizer("tokenizer", "vocab.json"));

    /// <summary>The mini checkpoint's merges of CLIP.</summary>
    public static byte[] ClipMerges { get; } = File.ReadAllBytes(Tokenizer("tokenizer", "merges.txt"));

    private static string Tokenizer(params string[] parts) => Path.Combine([EmbeddedCheckpoint.Folder, .. parts]);

    private static byte[] Picture(MagickFormat format)
    {
        using var image = new MagickImage(MagickColors.Teal, 24, 17) { Format = format };
        image.Settings.Interlace = Interlace.NoInterlace;
        return image.ToByteArray();
    }

    private static byte[] Safetensor(string header, int data) =>
        [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[data]];
}
