using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FluxGrpc.Channels;

/// <summary>Certificates and keys in PEM files, followed while they change: a renewed certificate counts for the next connection.</summary>
public static class PemCertificates
{
    /// <summary>Reads a certificate with its key: what a program shows of itself.</summary>
    /// <param name="certificateFile">The certificate, and behind it those between it and the authority.</param>
    /// <param name="keyFile">Its private key, not encrypted.</param>
    /// <param name="failed">Told why changed files are not used.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="InvalidDataException">A file cannot be read, has no certificate, or the key is another's.</exception>
    public static FollowedFiles<SslStreamCertificateContext> FollowIdentity(
        string certificateFile, string keyFile, Action<string> failed, TimeProvider time) => new(
            [certificateFile, keyFile],
            texts =>
            {
                var chain = Parse(texts[0], certificateFile);
                return SslStreamCertificateContext.Create(
                    WithKey(texts[0], texts[1], $"'{certificateFile}' and '{keyFile}'"), chain, offline: true);
            },
            failed, time);

    /// <summary>Reads the certificates of authorities: whom a program trusts.</summary>
    /// <param name="file">One or more certificates.</param>
    /// <exception cref="InvalidDataException">The file cannot be read or has no certificate.</exception>
    public static X509Certificate2Collection ReadAuthorities(string file) =>
        FollowAuthorities(file, _ => { }, TimeProvider.System).Current;

    /// <summary>Reads the certificates of authorities and follows their file.</summary>
    /// <param name="file">One or more certificates.</param>
    /// <param name="failed">Told why a changed file is not used.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="InvalidDataException">The file cannot be read or has no certificate.</exception>
    public static FollowedFiles<X509Certificate2Collection> FollowAuthorities(
        string file, Action<string> failed, TimeProvider time) => new([file], texts => Parse(texts[0], file), failed, time);

    /// <summary>Trusts these authorities and nobody else. Lists of revoked certificates are not asked for: give short terms.</summary>
    public static X509ChainPolicy TrustOnly(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    private static X509Certificate2Collection Parse(string text, string file)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException exception)
        {
            throw new InvalidDataException($"'{file}' is not a PEM file of certificates: {exception.Message}", exception);
        }

        return certificates.Count > 0 ? certificates : throw new InvalidDataException($"'{file}' has no certificate in PEM");
    }

    private static X509Certificate2 WithKey(string certificate, string key, string files)
    {
        try
        {
            var pair = X509Certificate2.CreateFromPem(certificate, key);
            return OperatingSystem.IsWindows() // Its TLS takes no key that lives in memory alone.
                ? X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), password: null)
                : pair;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException($"{files} are not a certificate and its key: {exception.Message}", exception);
        }
    }
}
