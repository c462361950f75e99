using System.Diagnostics.CodeAnalysis;
using FluxGrpc.Channels;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>
/// Where the replicas of a service are found: a list of addresses, a DNS name (<c>dns:///host:port</c>) or a file with a list
/// (<c>file:/path</c>).
/// </summary>
internal sealed record ReplicaTarget
{
    /// <summary>The forms that an option may have.</summary>
    public const string Allowed = "http://host:port, https://host:port, host:port, unix:/path/of.sock, "
        + "several of these separated by commas, dns:///host:port, file:/path/of.list";

    private const string DnsScheme = "dns:";
    private const string FileScheme = "file:";

    private ReplicaTarget(IReadOnlyList<ServiceAddress> addresses, Uri? dynamic)
    {
        Addresses = addresses;
        Dynamic = dynamic;
    }

    /// <summary>The addresses of a fixed list; empty for the other forms.</summary>
    public IReadOnlyList<ServiceAddress> Addresses { get; }

    /// <summary>The DNS name or the file as a URI, or null for a fixed list.</summary>
    public Uri? Dynamic { get; }

    /// <summary>True where nothing but TLS will do, or a Unix domain socket.</summary>
    public bool OverTls { get; private init; }

    /// <summary>Name in the certificates of what a DNS name leads to; null for the other forms and for plain text.</summary>
    public string? TlsName => OverTls && Dynamic?.Scheme == "dns" ? new Uri($"https:/{Dynamic.AbsolutePath}").Host : null;

    /// <summary>Reads a target.</summary>
    /// <param name="text">The option's value.</param>
    /// <param name="target">What it means.</param>
    /// <param name="problem">The part that is not allowed.</param>
    /// <param name="overTls">True where an address in plain text is not allowed, and a DNS name leads to https.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out ReplicaTarget? target, [NotNullWhen(false)] out string? problem, bool overTls = false)
    {
        if (!TryParse(text, out target, out problem))
            return false;
        problem = overTls ? target.Addresses.FirstOrDefault(address => !address.IsTls && address.SocketPath is null)?.ToString() : null;
        target = problem is null ? target with { OverTls = overTls } : null;
        return target is not null;
    }

    /// <summary>Reads a target that was validated before.</summary>
    /// <param name="text">The option's value.</param>
    /// <param name="overTls">As in <see cref="TryParse(string, out ReplicaTarget?, out string?, bool)"/>.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public static ReplicaTarget Parse(string text, bool overTls = false) => TryParse(text, out var target, out var problem, overTls)
        ? target
        : throw new FormatException($"'{problem}' is not an address; allowed: {Allowed}");

    private static bool TryParse(string text, [NotNullWhen(true)] out ReplicaTarget? target, [NotNullWhen(false)] out string? problem)
    {
        if (text.StartsWith(DnsScheme, StringComparison.Ordinal))
            target = Dns(text);
        else if (text.StartsWith(FileScheme, StringComparison.Ordinal))
            target = File(text[FileScheme.Length..]);
        else
            return TryParseList(text, out target, out problem);
        problem = target is null ? text : null;
        return target is not null;
    }

    private static bool TryParseList(string text, out ReplicaTarget? target, out string? problem)
    {
        target = null;
        var addresses = new List<ServiceAddress>();
        foreach (var part in text.Split(','))
        {
            if (!ServiceAddress.TryParse(part.Trim(), out var address))
            {
                problem = part;
                return false;
            }

            addresses.Add(address);
        }

        problem = null;
        target = new ReplicaTarget([.. addresses.Distinct()], null);
        return true;
    }

    /// <summary>The port is required: the default of the resolver, 80, is none of ours.</summary>
    private static ReplicaTarget? Dns(string text)
    {
        var name = text[DnsScheme.Length..].TrimStart('/');
        return Uri.TryCreate($"http://{name}", UriKind.Absolute, out var uri) && uri.Host.Length > 0 && uri.PathAndQuery == "/"
            && name.EndsWith($":{uri.Port}", StringComparison.Ordinal)
            ? new ReplicaTarget([], new Uri($"{DnsScheme}///{name}"))
            : null;
    }

    private static ReplicaTarget? File(string path) =>
        path.TrimStart('/').Length > 0 ? new ReplicaTarget([], new Uri(Path.GetFullPath("/" + path.TrimStart('/')))) : null;
}
