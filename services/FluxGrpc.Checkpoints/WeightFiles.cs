using System.Text.Json;

namespace FluxGrpc.Checkpoints;

/// <summary>The open file or shards of a component.</summary>
internal sealed class WeightFiles : IDisposable
{
    private const long MaxIndexBytes = 100_000_000;
    private const int MaxShards = 1_000;

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);

    private WeightFiles()
    {
    }

    /// <summary>All tensors by their name in the files.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>Opens one file, or all shards that an index names.</summary>
    /// <exception cref="InvalidDataException">A file is unreadable, or index and shards contradict each other.</exception>
    public static WeightFiles Open(string path)
    {
        var opened = new WeightFiles();
        try
        {
            if (path.EndsWith(ComponentFiles.IndexSuffix, StringComparison.Ordinal))
                opened.OpenShards(path);
            else
                opened.Add(path);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private void Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (var (name, entry) in file.Tensors)
        {
            if (!_tensors.TryAdd(name, new StoredTensor(file, entry)))
                throw new InvalidDataException($"tensor '{name}' is in '{_tensors[name].File.Name}' and in '{file.Name}'");
        }
    }

    private void OpenShards(string indexPath)
    {
        var shardOf = ReadIndex(indexPath);
        var shards = shardOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        if (shards.Length > MaxShards)
            throw new InvalidDataException($"'{indexPath}' names {shards.Length} shards; at most {MaxShards} are allowed");
        foreach (var shard in shards)
            Add(Path.Combine(Path.GetDirectoryName(indexPath)!, CheckedShardName(indexPath, shard)));

        var misplaced = shardOf.Where(pair => !_tensors.TryGetValue(pair.Key, out var stored) || stored.File.Name != pair.Value)
            .Select(pair => $"{pair.Key} in {pair.Value}").ToArray();
        var unnamed = _tensors.Keys.Where(name => !shardOf.ContainsKey(name)).ToArray();
        if (misplaced.Length > 0 || unnamed.Length > 0)
        {
            var found = new Mismatches { { "not in the shard that the index names", misplaced }, { "not in the index", unnamed } };
            throw new InvalidDataException($"'{indexPath}' does not fit its shards: {found}");
        }
    }

    /// <summary>A shard lies beside its index: a name that leads elsewhere is an attack or a mistake.</summary>
    private static string CheckedShardName(string indexPath, string shard) =>
        shard == Path.GetFileName(shard) && !shard.Contains('\\', StringComparison.Ordinal) && shard is not ("" or "." or "..")
            ? shard
            : throw new InvalidDataException($"'{indexPath}' names the shard '{shard}', which is not a plain file name");

    private static Dictionary<string, string> ReadIndex(string path)
    {
        using var json = JsonFile.Read(path, MaxIndexBytes);
        if (!json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"'{path}' has no object 'weight_map'");
        var shardOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in map.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
                throw new InvalidDataException($"'{path}' names no file for tensor '{property.Name}'");
            if (!shardOf.TryAdd(property.Name, property.Value.GetString()!))
                throw new InvalidDataException($"'{path}' names tensor '{property.Name}' twice");
        }

        return shardOf;
    }
}
