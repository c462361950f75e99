using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using FluxGrpc.Channels;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting.Security;

/// <summary>
/// TLS as a server speaks it: its certificate, and where authorities of clients are named, nobody without a certificate of theirs
/// (mutual TLS). Renewed files count for the next connection.
/// </summary>
public sealed partial class ServerTls
{
    private static readonly TimeSpan _handshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly FollowedFiles<X509Certificate2Collection>? _clientAuthorities;
    private readonly ILogger<ServerTls> _logger;

    /// <param name="options">Names the files.</param>
    /// <param name="logger">Gets who is refused, and files that are not used.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="InvalidDataException">A file cannot be used; the message names it.</exception>
    public ServerTls(ServiceOptions options, ILogger<ServerTls> logger, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        _logger = logger;
        Identity = PemCertificates.FollowIdentity(
            options.TlsCertificate, options.TlsKey, problem => LogUnusedFile(_logger, problem), time);
        if (options.TlsClientCa.Length > 0)
        {
            _clientAuthorities = PemCertificates.FollowAuthorities(
                options.TlsClientCa, problem => LogUnusedFile(_logger, problem), time);
        }
    }

    /// <summary>The service's own certificate, by which it also knows itself as a client of its own.</summary>
    public FollowedFiles<SslStreamCertificateContext> Identity { get; }

    /// <summary>Has an endpoint speak TLS.</summary>
    public void Use(ListenOptions listen) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        HandshakeTimeout = _handshakeTimeout,
        OnConnection = _ => ValueTask.FromResult(ForNextConnection()),
    });

    private SslServerAuthenticationOptions ForNextConnection()
    {
        var tls = new SslServerAuthenticationOptions { ServerCertificateContext = Identity.Current, AllowRenegotiation = false };
        if (_clientAuthorities is null)
            return tls;
        tls.ClientCertificateRequired = true;
        tls.CertificateChainPolicy = PemCertificates.TrustOnly(_clientAuthorities.Current);
        tls.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Accept(certificate, chain, errors);
        return tls;
    }

    private bool Accept(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not null && (errors == SslPolicyErrors.None || IsItself(certificate)))
            return true;
        var problems = chain?.ChainStatus.Select(status => status.StatusInformation.Trim()).Distinct() ?? [];
        LogRefused(_logger, certificate?.Subject ?? "nobody", certificate is null ? "no certificate" : string.Join("; ", problems));
        return false;
    }

    /// <summary>True for the certificate that the service itself shows: who has its key is the service.</summary>
    public bool IsItself(X509Certificate certificate) =>
        certificate.GetRawCertData().AsSpan().SequenceEqual(Identity.Current.TargetCertificate.RawDataMemory.Span);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}; certificates stay as they were")]
    private static partial void LogUnusedFile(ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Refused a connection of '{Subject}': {Problem}")]
    private static partial void LogRefused(ILogger logger, string subject, string problem);
}
