using System.Net.Security;

namespace FluxGrpc.Channels;

/// <summary>Whom a channel trusts, and what it shows of its own. Files are PEM; empty strings mean that there is none.</summary>
public sealed class ChannelSecurity // No record: its text would show the key.
{
    /// <summary>The system's authorities, no certificate, no key.</summary>
    public static ChannelSecurity Default { get; } = new();

    /// <summary>File with the authorities that the server's certificate may come from; empty: those that the system trusts.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>File with the caller's certificate, for servers that ask for one (mutual TLS).</summary>
    public string CertificateFile { get; init; } = "";

    /// <summary>File with the private key of the caller's certificate.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>API key that goes along with each call.</summary>
    public string ApiKey { get; init; } = "";

    /// <summary>
    /// The certificate of a server whose own client this is, in one program: it is shown, and trusted instead of any other; null elsewhere.
    /// </summary>
    public FollowedFiles<SslStreamCertificateContext>? Itself { get; init; }

    /// <summary>True where the channel needs TLS to make use of it.</summary>
    public bool NeedsTls => CaFile.Length > 0 || CertificateFile.Length > 0;

    /// <summary>What is wrong with it, for channels to an address; null where nothing is.</summary>
    /// <param name="address">Where the server is.</param>
    public string? ProblemWith(ServiceAddress address)
    {
        if ((CertificateFile.Length > 0) != (KeyFile.Length > 0))
            return "A certificate and its key go together; one of them is missing";
        if (NeedsTls && !address.IsTls)
            return $"Certificates are for https:// addresses; the address is {address}";
        return ApiKey.Length > 0 && !address.IsTls && !address.IsLocal
            ? $"An API key would travel readable to {address}; allowed: https:// and addresses on this machine"
            : null;
    }
}
