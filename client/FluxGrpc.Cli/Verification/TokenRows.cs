using System.Runtime.InteropServices;
using FluxGrpc.Checkpoints;

namespace FluxGrpc.Cli.Verification;

/// <summary>Token ids [B, L] of a reference file.</summary>
internal static class TokenRows
{
    /// <summary>Reads int64 ids.</summary>
    /// <returns>B rows of L ids.</returns>
    /// <exception cref="InvalidDataException">Not an int64 matrix, or ids beyond 32 bits.</exception>
    public static IReadOnlyList<int[]> Read(SafetensorsFile file, string name)
    {
        var bytes = file.Bytes(name);
        var entry = file.Tensors[name];
        if (entry.Type != StorageType.Int64 || entry.Shape.Count != 2 || entry.ElementCount == 0)
            throw new InvalidDataException($"{file.Name} has {entry}; allowed: I64 [rows, ids]");
        var ids = MemoryMarshal.Cast<byte, long>(bytes).ToArray();
        if (ids.Any(id => id is < int.MinValue or > int.MaxValue))
            throw new InvalidDataException($"{file.Name} has ids beyond 32 bits in {name}");
        return [.. Array.ConvertAll(ids, id => (int)id).Chunk((int)entry.Shape[1])];
    }
}
