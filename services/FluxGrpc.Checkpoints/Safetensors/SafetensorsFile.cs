using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>A safetensors file, mapped read only: opening it reads the header, nothing else.</summary>
/// <remarks>A file that somebody truncates while it is mapped ends the process, as with every mapped file.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile _mapping;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(string path, MappedFile mapping, SafetensorsHeader header)
    {
        Name = Path.GetFileName(path);
        (_mapping, _header) = (mapping, header);
    }

    /// <summary>The file's name without its folder.</summary>
    public string Name { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The header's free text by key; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Length of the file in bytes.</summary>
    public long Length => _mapping.Length;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InvalidDataException">The file cannot be read, is truncated, or its header lies; the message says how.</exception>
    public static SafetensorsFile Open(string path)
    {
        var mapping = MappedFile.Open(path);
        try
        {
            var length = SafetensorsHeader.ReadLength(mapping.Span(0, (int)Math.Min(sizeof(ulong), mapping.Length)), mapping.Length);
            return new SafetensorsFile(path, mapping, SafetensorsHeader.Parse(mapping.Span(sizeof(ulong), length), mapping.Length));
        }
        catch (InvalidDataException e)
        {
            mapping.Dispose();
            throw new InvalidDataException($"'{path}' is not a valid safetensors file: {e.Message}", e);
        }
    }

    /// <summary>
    /// A CPU tensor over the mapped bytes, without a copy, in its storage type and shape. Read only: writing to it ends the process.
    /// It keeps the file mapped; the caller disposes it.
    /// </summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public Tensor View(string name)
    {
        var entry = Entry(name);
        return View(entry, 0, entry.ElementCount, [.. entry.Shape]);
    }

    /// <summary>The bytes of a tensor, little-endian, valid until the file is disposed.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it exceeds 2 GiB.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var entry = Entry(name);
        return entry.ByteLength <= int.MaxValue
            ? _mapping.Span(entry.Offset, (int)entry.ByteLength)
            : throw new InvalidDataException($"tensor '{name}' of {entry.ByteLength} bytes is too long for one span");
    }

    /// <summary>Drops this owner of the mapping; views of tensors stay valid.</summary>
    public void Dispose() => _mapping.Dispose();

    /// <summary>A view of consecutive elements under a shape of the same count.</summary>
    internal Tensor View(TensorEntry entry, long firstElement, long count, ReadOnlySpan<long> shape)
    {
        var address = _mapping.Address(entry.Offset + firstElement * entry.Type.SizeInBytes());
        return NativeTensor.Wrap(address, shape, entry.Type.ToTorch(), _mapping.Lease());
    }

    /// <summary>Some bytes of a tensor.</summary>
    internal ReadOnlySpan<byte> Bytes(TensorEntry entry, long offset, int length) => _mapping.Span(entry.Offset + offset, length);

    /// <summary>Says that elements will not be read again soon, so that they stop counting as this process's memory.</summary>
    internal void Release(TensorEntry entry, long firstElement, long count)
    {
        var size = entry.Type.SizeInBytes();
        _mapping.Release(entry.Offset + firstElement * size, count * size);
    }

    private TensorEntry Entry(string name) => Tensors.TryGetValue(name, out var entry)
        ? entry
        : throw new InvalidDataException($"'{Name}' has no tensor '{name}'");
}
