namespace FluxGrpc.Cli.Certificates;

/// <summary>A certificate and its private key, in PEM.</summary>
/// <param name="Certificate">The certificate.</param>
/// <param name="Key">Its key, PKCS #8, not encrypted.</param>
internal sealed record CertificatePair(string Certificate, string Key)
{
    /// <summary>Where a certificate lies in a folder: <c>ca.crt</c>.</summary>
    public static string CertificateFile(string folder, string name) => Path.Combine(folder, $"{name}.crt");

    /// <summary>Where its key lies: <c>ca.key</c>.</summary>
    public static string KeyFile(string folder, string name) => Path.Combine(folder, $"{name}.key");

    /// <summary>Writes both files; only their owner may read them.</summary>
    public void Write(string folder, string name)
    {
        PrivateFile.Replace(KeyFile(folder, name), Key);
        PrivateFile.Replace(CertificateFile(folder, name), Certificate);
    }
}
