using System.Diagnostics.CodeAnalysis;
using FluxGrpc.Channels;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>The text of a list of addresses: one a line; empty lines and what follows a # mean nothing.</summary>
internal static class AddressList
{
    /// <summary>Largest number of addresses.</summary>
    public const int MaxCount = 1024;

    /// <summary>Reads a list, which may be empty.</summary>
    /// <param name="text">The file's text.</param>
    /// <param name="addresses">The addresses, each once.</param>
    /// <param name="problem">What is wrong with the list.</param>
    /// <param name="overTls">True where an address in plain text is not allowed.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out IReadOnlyList<ServiceAddress>? addresses, [NotNullWhen(false)] out string? problem,
        bool overTls = false)
    {
        var found = new HashSet<ServiceAddress>();
        (addresses, problem) = (null, null);
        foreach (var (index, line) in text.Split('\n').Index())
        {
            var content = line.Split('#')[0].Trim();
            if (content.Length == 0)
                continue;
            if (!ServiceAddress.TryParse(content, out var address))
                problem = $"line {index + 1} is not an address";
            else if (overTls && !address.IsTls && address.SocketPath is null)
                problem = $"line {index + 1} is plain text; allowed: https and unix";
            else if (found.Count == MaxCount)
                problem = $"it has more than {MaxCount} addresses";
            else
                found.Add(address);
            if (problem is not null)
                return false;
        }

        addresses = [.. found];
        return true;
    }
}
