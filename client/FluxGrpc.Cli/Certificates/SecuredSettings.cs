using System.Text.Json;
using FluxGrpc.Orchestrator.Access;

namespace FluxGrpc.Cli.Certificates;

/// <summary>
/// The settings of four services that use the certificates of a folder: mutual TLS between them, TLS and API keys towards callers. The
/// addresses are the usual ones, on this machine's loopback.
/// </summary>
internal static class SecuredSettings
{
    /// <summary>File name of the settings, for the services' <c>--settings</c>.</summary>
    public const string FileName = "appsettings.json";

    /// <summary>File name of the keys.</summary>
    public const string KeysFileName = "keys.json";

    private static readonly JsonSerializerOptions _json = new() { WriteIndented = true };

    /// <summary>Writes the settings, and a file of no keys yet; files that are there are left as they are.</summary>
    /// <param name="folder">Where the certificates are.</param>
    /// <returns>The names of the files that were written.</returns>
    public static IEnumerable<string> Write(string folder)
    {
        foreach (var (name, text) in new[] { (FileName, Text(folder)), (KeysFileName, ApiKeyFile.Serialize([])) })
        {
            var path = Path.Combine(folder, name);
            if (File.Exists(path))
                continue;
            PrivateFile.Replace(path, text);
            yield return name;
        }
    }

    private static string Text(string folder) => JsonSerializer.Serialize(
        new Dictionary<string, Dictionary<string, string>>
        {
            ["TextEncoder"] = Internal(folder, "text-encoder", 5001),
            ["Denoiser"] = Internal(folder, "denoiser", 5002),
            ["Vae"] = Internal(folder, "vae", 5003),
            ["Orchestrator"] = new(Tls(folder, "orchestrator", 5000))
            {
                ["WebAddress"] = Address(5080),
                ["ApiKeys"] = Path.Combine(folder, KeysFileName),
                ["TextEncoder"] = Address(5001),
                ["Denoiser"] = Address(5002),
                ["Vae"] = Address(5003),
                ["TierCa"] = CertificatePair.CertificateFile(folder, ServiceCertificates.Authority),
                ["TierCertificate"] = CertificatePair.CertificateFile(folder, "orchestrator"),
                ["TierKey"] = CertificatePair.KeyFile(folder, "orchestrator"),
            },
        },
        _json) + "\n";

    private static Dictionary<string, string> Internal(string folder, string name, int port) => new(Tls(folder, name, port))
    {
        ["TlsClientCa"] = CertificatePair.CertificateFile(folder, ServiceCertificates.Authority),
    };

    private static Dictionary<string, string> Tls(string folder, string name, int port) => new()
    {
        ["Address"] = Address(port),
        ["TlsCertificate"] = CertificatePair.CertificateFile(folder, name),
        ["TlsKey"] = CertificatePair.KeyFile(folder, name),
    };

    private static string Address(int port) => FormattableString.Invariant($"https://127.0.0.1:{port}");
}
