using System.Text;
using CsCheck;

namespace FluxGrpc.UnitTests.Fuzzing;

/// <summary>A change of some bytes, as a broken disk or a liar would make it.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Place">Where, as a share of the length.</param>
/// <param name="Length">How many bytes it touches.</param>
/// <param name="Value">A byte, or the number of a token.</param>
internal readonly record struct Mutation(Mutation.Kinds Kind, double Place, int Length, byte Value)
{
    /// <summary>Texts that readers look for, and numbers at the edges of what they can hold.</summary>
    private static readonly byte[][] _tokens =
    [
        .. new[]
        {
            "0", "-1", "1e9", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615", "0.5", "null", "[]", "{}",
            "\"", "\\", "\\u0000", "\\ud800", ",", ":", "[[[[[[[[[[", "F32", "BF16", "data_offsets", "shape", "dtype", "__metadata__",
        }.Select(Encoding.ASCII.GetBytes),
        [0], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x80, 0x80, 0x80, 0x80, 0x08],
        [0, 0, 0, 0, 0, 0, 0, 0x80],
    ];

    /// <summary>What may be done.</summary>
    internal enum Kinds
    {
        /// <summary>One bit is turned.</summary>
        Turn,

        /// <summary>Bytes are overwritten by one value.</summary>
        Fill,

        /// <summary>Bytes are cut out.</summary>
        Cut,

        /// <summary>Bytes come twice.</summary>
        Repeat,

        /// <summary>A token is put in.</summary>
        Insert,

        /// <summary>A token takes the place of as many bytes.</summary>
        Overwrite,

        /// <summary>The rest is cut off.</summary>
        Truncate,
    }

    /// <summary>Mutations.</summary>
    public static Gen<Mutation> Any { get; } = Gen.Select(
        Gen.Int[0, (int)Kinds.Truncate], Gen.Double[0, 1], Gen.Int[1, 40], Gen.Byte,
        (kind, place, length, value) => new Mutation((Kinds)kind, place, length, value));

    /// <summary>Files of a collection with up to eight changes, sometimes with none.</summary>
    public static Gen<byte[]> Of(params IReadOnlyList<byte[]> files) => Gen.Select(
        Gen.Int[0, files.Count - 1], Any.Array[0, 8],
        (file, mutations) => mutations.Aggregate(files[file], (bytes, next) => next.Apply(bytes)));

    /// <summary>Changes bytes.</summary>
    public byte[] Apply(byte[] bytes)
    {
        if (bytes.Length == 0)
            return [Value];
        var start = Math.Min((int)(Place * bytes.Length), bytes.Length - 1);
        var end = Math.Min(start + Length, bytes.Length);
        var token = _tokens[Value % _tokens.Length];
        return Kind switch
        {
            Kinds.Turn => [.. bytes[..start], (byte)(bytes[start] ^ (1 << (Value % 8))), .. bytes[(start + 1)..]],
            Kinds.Fill => [.. bytes[..start], .. Enumerable.Repeat(Value, end - start), .. bytes[end..]],
            Kinds.Cut => [.. bytes[..start], .. bytes[end..]],
            Kinds.Repeat => [.. bytes[..end], .. bytes[start..]],
            Kinds.Insert => [.. bytes[..start], .. token, .. bytes[start..]],
            Kinds.Overwrite => [.. bytes[..start], .. token, .. bytes[Math.Min(start + token.Length, bytes.Length)..]],
            _ => bytes[..start],
        };
    }
}
