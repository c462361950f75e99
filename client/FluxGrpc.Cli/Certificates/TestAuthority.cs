using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FluxGrpc.Cli.Certificates;

/// <summary>
/// A certificate authority for a test or a machine of one's own: its key lies in a file. It signs with ECDSA on P-256.
/// </summary>
internal sealed class TestAuthority : IDisposable
{
    private const int SerialBytes = 16;
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _certificate;

    private TestAuthority(X509Certificate2 certificate) => _certificate = certificate;

    /// <summary>When its certificate ends; none of those that it issues lasts longer.</summary>
    public DateTimeOffset End => _certificate.NotAfter;

    /// <summary>Makes an authority.</summary>
    /// <param name="name">Common name.</param>
    /// <param name="begin">From when its certificates may count.</param>
    /// <param name="end">Until when.</param>
    public static TestAuthority Create(string name, DateTimeOffset begin, DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Named(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForCertificateAuthority(pathLengthConstraint: 0));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return new TestAuthority(request.CreateSelfSigned(begin, end));
    }

    /// <summary>Reads an authority that was made before.</summary>
    /// <param name="certificateFile">Its certificate.</param>
    /// <param name="keyFile">Its key.</param>
    /// <exception cref="CryptographicException">They are not a certificate and its key.</exception>
    public static TestAuthority Read(string certificateFile, string keyFile) =>
        new(X509Certificate2.CreateFromPemFile(certificateFile, keyFile));

    /// <summary>Its own certificate and key.</summary>
    public CertificatePair ToPair() => Pair(_certificate, _certificate.GetECDsaPrivateKey()!);

    /// <summary>Issues a certificate that is good for servers and for clients.</summary>
    /// <param name="name">Common name.</param>
    /// <param name="hosts">DNS names and IP addresses that it is for.</param>
    /// <param name="begin">From when it counts.</param>
    /// <param name="end">Until when.</param>
    public CertificatePair Issue(string name, IEnumerable<string> hosts, DateTimeOffset begin, DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Named(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForEndEntity(critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(ServerUse), new Oid(ClientUse)], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, includeKeyIdentifier: true, false));
        request.CertificateExtensions.Add(Names(hosts));
        using var issued = request.Create(_certificate, begin, end < End ? end : End, RandomNumberGenerator.GetBytes(SerialBytes));
        return Pair(issued, key);
    }

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    private static X500DistinguishedName Named(string name)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(name);
        return builder.Build();
    }

    private static X509Extension Names(IEnumerable<string> hosts)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts.Distinct())
        {
            if (IPAddress.TryParse(host, out var ip))
                builder.AddIpAddress(ip);
            else
                builder.AddDnsName(host);
        }

        return builder.Build();
    }

    private static CertificatePair Pair(X509Certificate2 certificate, ECDsa key) =>
        new(certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
}
