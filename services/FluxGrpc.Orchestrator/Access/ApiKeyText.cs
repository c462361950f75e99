using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>Keys as callers have them: <c>flux_ID_SECRET</c>. The prefix lets programs that look for leaked secrets find them.</summary>
public static partial class ApiKeyText
{
    private const int IdDigits = 12;
    private const int SecretBytes = 32;

    /// <summary>Draws a key with a secret of 256 bits.</summary>
    public static string Draw() =>
        $"flux_{RandomNumberGenerator.GetHexString(IdDigits, lowercase: true)}_"
        + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>Takes the id out of what may be a key.</summary>
    public static bool TryGetId(string text, [NotNullWhen(true)] out string? id)
    {
        id = Form().Match(text) is { Success: true } match ? match.Groups[1].Value : null;
        return id is not null;
    }

    /// <summary>
    /// The hash that is kept. One round of SHA-256 is right here: slow hashes make up for passwords that can be guessed, and nobody
    /// guesses 256 random bits, while each call would pay for the slowness.
    /// </summary>
    public static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    [GeneratedRegex("^flux_([0-9a-f]{12})_[0-9a-f]{64}$", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
