using System.Buffers.Binary;
using System.Text;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary>Reads of a PNG file what tests ask for.</summary>
internal sealed class PngFile
{
    private PngFile(int width, int height, IReadOnlyDictionary<string, string> texts) => (Width, Height, Texts) = (width, height, texts);

    public int Width { get; }

    public int Height { get; }

    /// <summary>The iTXt and tEXt chunks by keyword.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; }

    public static PngFile Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var (width, height) = (0, 0);
        var texts = new Dictionary<string, string>();
        for (var at = 8; at < bytes.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at));
            var data = bytes.AsSpan(at + 8, length);
            switch (Encoding.ASCII.GetString(bytes, at + 4, 4))
            {
                case "IHDR":
                    (width, height) = (BinaryPrimitives.ReadInt32BigEndian(data), BinaryPrimitives.ReadInt32BigEndian(data[4..]));
                    break;
                case "tEXt":
                    var parts = Encoding.Latin1.GetString(data).Split('\0');
                    texts.Add(parts[0], parts[1]);
                    break;
                case "iTXt":
                    // Keyword, 0, not compressed, method, language, 0, translated keyword, 0, text.
                    var fields = Encoding.UTF8.GetString(data).Split('\0');
                    texts.Add(fields[0], fields[^1]);
                    break;
            }

            at += 12 + length;
        }

        return new PngFile(width, height, texts);
    }
}
