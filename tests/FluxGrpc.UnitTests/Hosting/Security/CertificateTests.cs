using System.Security.Cryptography.X509Certificates;
using FluxGrpc.Channels;
using FluxGrpc.Cli.Certificates;
using FluxGrpc.Hosting.Security;
using FluxGrpc.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Hosting.Security;

public sealed class CertificateTests : IDisposable
{
    private static readonly DateTimeOffset _now = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("orchestrator.flux.internal", true)]
    [InlineData("ORCHESTRATOR.flux.internal", true)]
    [InlineData("*.flux.internal", true)]
    [InlineData("*", true)]
    [InlineData("denoiser.flux.internal,localhost", true)]
    [InlineData("denoiser.flux.internal", false)]
    [InlineData("*.orchestrator.flux.internal", false)]
    [InlineData("flux.internal", false)]
    [InlineData("*.internal.example", false)]
    public void A_client_is_known_by_the_names_in_its_certificate(string allowed, bool isAllowed)
    {
        Write();
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Certificate("orchestrator"));

        Assert.Equal(isAllowed, new ClientNames(allowed).Allow(certificate));
    }

    [Fact]
    public void The_common_name_alone_is_no_name()
    {
        using var authority = TestAuthority.Create("CA", _now, _now.AddDays(1));
        authority.Issue("orchestrator.flux.internal", ["localhost"], _now, _now.AddDays(1)).Write(_folder.Path, "trick");
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Certificate("trick"));

        Assert.False(new ClientNames("orchestrator.flux.internal").Allow(certificate));
    }

    [Fact]
    public void Only_their_owner_may_read_the_files()
    {
        if (OperatingSystem.IsWindows())
            return;
        Write();

        Assert.Equal(14, Directory.GetFiles(_folder.Path).Length);
        foreach (var file in Directory.GetFiles(_folder.Path))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public void A_second_run_renews_the_certificates_of_the_same_CA()
    {
        Write();
        var (ca, before) = (File.ReadAllText(Certificate("ca")), File.ReadAllText(Certificate("vae")));
        var time = new FakeTimeProvider(_now);
        var identity = PemCertificates.FollowIdentity(Certificate("vae"), _folder.PathOf("vae.key"), Assert.Fail, time);
        var first = identity.Current.TargetCertificate.Thumbprint;
        Write();
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(ca, File.ReadAllText(Certificate("ca")));
        Assert.NotEqual(before, File.ReadAllText(Certificate("vae")));
        Assert.NotEqual(first, identity.Current.TargetCertificate.Thumbprint);
        AssertTrusted("vae");
    }

    [Fact]
    public void A_key_that_is_another_certificates_is_told()
    {
        Write();

        var exception = Assert.Throws<InvalidDataException>(() => PemCertificates.FollowIdentity(
            Certificate("vae"), _folder.PathOf("denoiser.key"), Assert.Fail, TimeProvider.System));

        Assert.Contains("are not a certificate and its key", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_certificate_outlives_its_CA()
    {
        using var authority = TestAuthority.Create("CA", _now, _now.AddDays(1));
        var pair = authority.Issue("a", ["a"], _now, _now.AddDays(9));
        using var certificate = X509Certificate2.CreateFromPem(pair.Certificate);

        Assert.Equal(authority.End.UtcDateTime, certificate.NotAfter.ToUniversalTime());
    }

    private void AssertTrusted(string name)
    {
        using var chain = new X509Chain { ChainPolicy = PemCertificates.TrustOnly(PemCertificates.ReadAuthorities(Certificate("ca"))) };
        chain.ChainPolicy.VerificationTime = _now.UtcDateTime;
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Certificate(name));
        Assert.True(chain.Build(certificate), string.Join("; ", chain.ChainStatus.Select(status => status.StatusInformation)));
    }

    private void Write() => ServiceCertificates.Write(_folder.Path, ["flux.example.org", "10.1.2.3"], TimeSpan.FromDays(90), _now);

    private string Certificate(string name) => _folder.PathOf($"{name}.crt");
}
