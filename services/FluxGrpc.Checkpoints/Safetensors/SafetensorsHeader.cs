using System.Buffers.Binary;
using System.Text.Json;
using FluxGrpc.Tensors;

namespace FluxGrpc.Checkpoints;

/// <summary>
/// The head of a safetensors file: its length (8 bytes, little-endian), then a JSON object of name → type, shape and data offsets.
/// Nothing in it is believed: every number is checked against the file's length before it is used.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Limit of the format's own reader; a full FLUX.1-dev header has 0.1 MB.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    private const int MaxTensors = 100_000;
    private const int MaxNameLength = 1_000;
    private const int MaxJsonDepth = 8;
    private const string MetadataKey = "__metadata__";

    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly long _dataStart;
    private readonly long _fileLength;

    private SafetensorsHeader(long dataStart, long fileLength) => (_dataStart, _fileLength) = (dataStart, fileLength);

    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Reads the length of the JSON part.</summary>
    /// <exception cref="InvalidDataException">No such header fits into the file.</exception>
    public static int ReadLength(ReadOnlySpan<byte> firstBytes, long fileLength)
    {
        if (firstBytes.Length < sizeof(ulong))
            throw new InvalidDataException($"the file has {fileLength} bytes, less than the 8 of the header's length");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(firstBytes);
        if (length > MaxHeaderBytes)
            throw new InvalidDataException($"the header claims {length} bytes; at most {MaxHeaderBytes} are allowed");
        if ((long)length > fileLength - sizeof(ulong))
            throw new InvalidDataException($"the header claims {length} bytes, but the file has {fileLength} in all");
        return (int)length;
    }

    /// <summary>Reads the JSON part.</summary>
    /// <param name="json">Exactly the header's bytes.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    /// <exception cref="InvalidDataException">The header is malformed, or contradicts itself or the file's length.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long fileLength)
    {
        var header = new SafetensorsHeader(sizeof(ulong) + json.Length, fileLength);
        try
        {
            header.ReadObject(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The reader reports text that is not Unicode as an invalid operation.
            throw new InvalidDataException($"the header is not valid JSON: {e.Message}", e);
        }

        header.CheckThatDataIsCoveredOnce();
        return header;
    }

    private void ReadObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxJsonDepth });
        Expect(ref reader, JsonTokenType.StartObject, "the header");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.Length > MaxNameLength)
                throw new InvalidDataException($"a tensor's name has {reader.ValueSpan.Length} bytes; at most {MaxNameLength} are allowed");
            var name = reader.GetString()!;
            if (name == MetadataKey)
                ReadMetadata(ref reader);
            else
                Add(ReadEntry(ref reader, name));
        }

        if (reader.Read())
            throw new InvalidDataException("the header does not end with its object");
    }

    private void Add(TensorEntry entry)
    {
        if (_tensors.Count == MaxTensors)
            throw new InvalidDataException($"the header lists more than {MaxTensors} tensors");
        if (!_tensors.TryAdd(entry.Name, entry))
            throw new InvalidDataException($"the header lists tensor '{entry.Name}' twice");
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataKey);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String, $"{MetadataKey}.{key}");
            if (!_metadata.TryAdd(key, reader.GetString()!))
                throw new InvalidDataException($"{MetadataKey} lists '{key}' twice");
        }
    }

    private TensorEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, $"tensor '{name}'");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8))
            {
                Expect(ref reader, JsonTokenType.String, $"dtype of tensor '{name}'");
                type = reader.GetString();
            }
            else if (reader.ValueTextEquals("shape"u8))
            {
                shape = ReadNumbers(ref reader, $"shape of tensor '{name}'");
            }
            else if (reader.ValueTextEquals("data_offsets"u8))
            {
                offsets = ReadNumbers(ref reader, $"data_offsets of tensor '{name}'");
            }
            else
            {
                reader.Skip();
            }
        }

        if (type is null || shape is null || offsets is null)
            throw new InvalidDataException($"tensor '{name}' lacks dtype, shape or data_offsets");
        if (!StorageTypes.TryParse(type, out var storageType))
            throw new InvalidDataException($"tensor '{name}' has the element type '{Shorten(type)}', which is not supported");
        return CheckedEntry(name, storageType, shape, offsets);
    }

    private TensorEntry CheckedEntry(string name, StorageType type, List<long> shape, List<long> offsets)
    {
        var dataLength = _fileLength - _dataStart;
        if (offsets.Count != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > dataLength)
        {
            throw new InvalidDataException(
                $"tensor '{name}' claims the bytes {Shape.Format(offsets)} of {dataLength} that the file has after its header");
        }

        var size = type.SizeInBytes();
        var byteLength = offsets[1] - offsets[0];
        if (!Shape.TryCount(shape, out var elements) || elements > long.MaxValue / size || elements * size != byteLength)
        {
            throw new InvalidDataException(
                $"tensor '{name}' of shape {Shape.Format(shape)} and type {type.FormatName()} cannot have {byteLength} bytes");
        }

        return new TensorEntry(name, type, shape, _dataStart + offsets[0], byteLength);
    }

    /// <summary>The format allows neither overlaps nor holes nor bytes at the end: each would be a place to hide or alias data.</summary>
    private void CheckThatDataIsCoveredOnce()
    {
        var end = _dataStart;
        foreach (var entry in _tensors.Values.OrderBy(entry => entry.Offset).ThenBy(entry => entry.ByteLength))
        {
            if (entry.Offset < end)
                throw new InvalidDataException($"tensor '{entry.Name}' overlaps the one before it");
            if (entry.Offset > end)
                throw new InvalidDataException($"{entry.Offset - end} bytes before tensor '{entry.Name}' belong to no tensor");
            end += entry.ByteLength;
        }

        if (end != _fileLength)
            throw new InvalidDataException($"the last {_fileLength - end} bytes of the file belong to no tensor");
    }

    private static List<long> ReadNumbers(ref Utf8JsonReader reader, string what)
    {
        Expect(ref reader, JsonTokenType.StartArray, what);
        var numbers = new List<long>(2);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number))
                throw new InvalidDataException($"{what} holds something else than whole numbers of 64 bits");
            if (numbers.Count == Shape.MaxRank)
                throw new InvalidDataException($"{what} has more than {Shape.MaxRank} numbers");
            numbers.Add(number);
        }

        return numbers;
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token, string what)
    {
        if (reader.Read() && reader.TokenType == token)
            return;
        var expected = token switch
        {
            JsonTokenType.StartObject => "object",
            JsonTokenType.StartArray => "array",
            _ => "string",
        };
        throw new InvalidDataException($"{Shorten(what)} is not a JSON {expected}");
    }

    private static string Shorten(string text) => text.Length <= MaxNameLength ? text : text[..MaxNameLength] + "…";
}
