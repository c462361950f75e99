using FluxGrpc.Channels;

namespace FluxGrpc.Client;

/// <summary>Where a <see cref="FluxClient"/> finds the orchestrator, and how the two know each other.</summary>
public sealed class FluxClientOptions
{
    /// <summary>
    /// The orchestrator: <c>http://host:port</c>, <c>https://host:port</c>, <c>host:port</c> or <c>unix:/path/of.sock</c>. By default
    /// where an orchestrator listens by default.
    /// </summary>
    public string Address { get; set; } = "http://127.0.0.1:5000";

    /// <summary>API key, for a server that asks for one. It is sent over TLS and within this machine only. Empty for none.</summary>
    public string ApiKey { get; set; } = "";

    /// <summary>PEM file with the CAs that the server's certificate may come from; empty: those that the system trusts.</summary>
    public string CaFile { get; set; } = "";

    /// <summary>PEM file with the client's own certificate, for a server that asks for one (mutual TLS). Empty for none.</summary>
    public string CertificateFile { get; set; } = "";

    /// <summary>PEM file with the private key of <see cref="CertificateFile"/>.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>The same, for a channel.</summary>
    public ChannelSecurity ToSecurity() =>
        new() { ApiKey = ApiKey, CaFile = CaFile, CertificateFile = CertificateFile, KeyFile = KeyFile };
}
