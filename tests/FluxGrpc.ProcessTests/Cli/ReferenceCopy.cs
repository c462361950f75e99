using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary>A copy of the golden folder that a test may damage.</summary>
internal sealed class ReferenceCopy : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-golden-copy-");

    /// <summary>Copies files and subfolders; those left out are missing.</summary>
    public ReferenceCopy(params string[] names)
    {
        foreach (var name in names)
        {
            var source = GoldenFolder.PathOf(name);
            var target = Path.Combine(_folder.FullName, name);
            if (Directory.Exists(source))
                Directory.CreateSymbolicLink(target, source);
            else
                File.Copy(source, target);
        }
    }

    /// <summary>The copy's folder.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Path of a file in it.</summary>
    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Rewrites a file of inputs and outputs with a batch of other elements: of the old ones, by their index.</summary>
    public void Rebatch(string name, params int[] elements)
    {
        var tensors = new List<TensorContent>();
        using (var file = SafetensorsFile.Open(PathOf(name)))
        {
            foreach (var entry in file.Tensors.Values.Where(entry => !entry.Name.StartsWith("debug.", StringComparison.Ordinal)))
            {
                var parts = file.Bytes(entry.Name).ToArray().Chunk((int)(entry.ByteLength / entry.Shape[0])).ToList();
                tensors.Add(new TensorContent(
                    entry.Name, entry.Type, [elements.Length, .. entry.Shape.Skip(1)],
                    elements.SelectMany(index => parts[index]).ToArray()));
            }
        }

        SafetensorsWriter.Write(PathOf(name), tensors);
    }

    /// <summary>
    /// Flips a high bit of the last byte of a tensor: in a little-endian float the exponent's, so that a weight near 0.1 becomes
    /// a huge one, or a huge one tiny.
    /// </summary>
    public static void FlipLastByteOf(string path, string tensor)
    {
        long last;
        using (var file = SafetensorsFile.Open(path))
            last = file.Tensors[tensor].Offset + file.Tensors[tensor].ByteLength - 1;
        using var stream = File.Open(path, FileMode.Open);
        stream.Seek(last, SeekOrigin.Begin);
        var value = stream.ReadByte();
        stream.Seek(last, SeekOrigin.Begin);
        stream.WriteByte((byte)(value ^ 0x40));
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
