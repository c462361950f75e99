using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace FluxGrpc.Channels;

/// <summary>Where a service listens: <c>http://host:port</c>, <c>https://host:port</c> or <c>unix:/path/of.sock</c>.</summary>
public sealed record ServiceAddress
{
    private const string UnixScheme = "unix:";

    private ServiceAddress(Uri? endpoint, string? socketPath)
    {
        Endpoint = endpoint;
        SocketPath = socketPath;
    }

    /// <summary>The TCP endpoint, or null for a Unix domain socket.</summary>
    public Uri? Endpoint { get; }

    /// <summary>Absolute path of the Unix domain socket, or null for TCP.</summary>
    public string? SocketPath { get; }

    /// <summary>Name that the server's certificate must bear; null: that of the endpoint.</summary>
    public string? ServerName { get; init; }

    /// <summary>True where TLS is spoken.</summary>
    public bool IsTls => Endpoint?.Scheme == Uri.UriSchemeHttps;

    /// <summary>True where nobody from another machine comes in: a Unix domain socket or the loopback.</summary>
    public bool IsLocal => Endpoint is null || Endpoint.Host == "localhost"
        || (IPAddress.TryParse(Endpoint.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    /// <summary>Reads an address; <c>host:port</c> alone means http.</summary>
    /// <exception cref="FormatException">Not one of the three forms.</exception>
    public static ServiceAddress Parse(string text) => TryParse(text, out var address)
        ? address
        : throw new FormatException(
            $"'{text}' is not an address; allowed: http://host:port, https://host:port, host:port, unix:/path/of.sock");

    /// <summary>Reads an address.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ServiceAddress? address)
    {
        address = null;
        if (string.IsNullOrWhiteSpace(text))
            return false;
        if (text.StartsWith(UnixScheme, StringComparison.Ordinal))
        {
            var path = text[UnixScheme.Length..];
            while (path.StartsWith("//", StringComparison.Ordinal))
                path = path[1..];
            if (path.Length == 0)
                return false;
            address = new ServiceAddress(null, Path.GetFullPath(path));
            return true;
        }

        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        if (!Uri.TryCreate(withScheme, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https")
            || endpoint.Host.Length == 0 || endpoint.PathAndQuery != "/")
        {
            return false;
        }

        address = new ServiceAddress(endpoint, null);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => SocketPath is null ? Endpoint!.GetLeftPart(UriPartial.Authority) : UnixScheme + SocketPath;
}
