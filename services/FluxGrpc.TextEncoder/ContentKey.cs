using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FluxGrpc.TextEncoder;

/// <summary>Names what was computed: equal keys mean equal tensors.</summary>
internal static class ContentKey
{
    private const int HexDigits = 32;

    /// <summary>Digest of the model's fingerprint, both token sequences and the reply type.</summary>
    public static string Of(string fingerprint, EncodeInput input)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(fingerprint));
        Append(hash, (int)input.ReplyType);
        Append(hash, input.T5Ids);
        Append(hash, input.ClipIds);
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..HexDigits];
    }

    private static void Append(IncrementalHash hash, IReadOnlyList<int> ids)
    {
        Append(hash, ids.Count);
        foreach (var id in ids)
            Append(hash, id);
    }

    private static void Append(IncrementalHash hash, int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
