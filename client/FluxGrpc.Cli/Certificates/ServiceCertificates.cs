namespace FluxGrpc.Cli.Certificates;

/// <summary>The certificates of a system: one for each service and one for callers from outside, all of one authority.</summary>
internal static class ServiceCertificates
{
    /// <summary>Names below it are the services' own, which say who one is within the system.</summary>
    public const string InternalDomain = "flux.internal";

    /// <summary>File name of the authority.</summary>
    public const string Authority = "ca";

    private static readonly TimeSpan _authorityTerm = TimeSpan.FromDays(3650);
    private static readonly TimeSpan _clockError = TimeSpan.FromMinutes(5);
    private static readonly string[] _thisMachine = ["localhost", "127.0.0.1", "::1"];

    /// <summary>Who gets a certificate; "client" stands for callers, who have no business with the internal services.</summary>
    public static IReadOnlyList<string> Holders { get; } = ["orchestrator", "text-encoder", "denoiser", "vae", "client"];

    /// <summary>
    /// Writes the authority, where the folder has none yet, new certificates of it, which running services take up by themselves, and
    /// <see cref="SecuredSettings"/>.
    /// </summary>
    /// <param name="folder">Where to.</param>
    /// <param name="hosts">Names and IP addresses by which the services are reached, beside those of this machine.</param>
    /// <param name="term">How long the certificates count.</param>
    /// <param name="now">The time.</param>
    /// <returns>The files' names.</returns>
    public static IReadOnlyList<string> Write(string folder, IReadOnlyList<string> hosts, TimeSpan term, DateTimeOffset now)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var (certificate, key) = (CertificatePair.CertificateFile(folder, Authority), CertificatePair.KeyFile(folder, Authority));
        var isNew = !File.Exists(certificate) && !File.Exists(key);
        using var authority = isNew
            ? TestAuthority.Create("FluxGrpc test CA", now - _clockError, now + _authorityTerm)
            : TestAuthority.Read(certificate, key);
        if (isNew)
            authority.ToPair().Write(folder, Authority);
        foreach (var holder in Holders)
        {
            var own = $"{holder}.{InternalDomain}";
            authority.Issue(own, [own, holder, .. _thisMachine, .. hosts], now - _clockError, now + term).Write(folder, holder);
        }

        var pairs = (isNew ? new[] { Authority } : []).Concat(Holders).SelectMany(name => new[] { $"{name}.crt", $"{name}.key" });
        return [.. pairs, .. SecuredSettings.Write(folder)];
    }
}
