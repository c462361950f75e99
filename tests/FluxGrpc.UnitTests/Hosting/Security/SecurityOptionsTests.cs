using System.ComponentModel.DataAnnotations;
using FluxGrpc.Cli.Certificates;
using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Hosting.Security;

public sealed class SecurityOptionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SecurityOptionsTests() =>
        ServiceCertificates.Write(_folder.Path, [], TimeSpan.FromDays(1), TimeProvider.System.GetUtcNow());

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--address https://localhost:0", "https://localhost:0 needs a certificate")]
    [InlineData("--tls-certificate {0}/vae.crt --tls-key {0}/vae.key", "are for https addresses; http://127.0.0.1:5002 is none")]
    [InlineData("--tls-client-ca {0}/ca.crt", "are for https addresses")]
    [InlineData("--address unix:/tmp/a.sock --tls-certificate {0}/vae.crt", "are for https addresses; unix:/tmp/a.sock is none")]
    [InlineData("--address https://localhost:0 --tls-certificate {0}/no.crt --tls-key {0}/vae.key", "no.crt' cannot be read")]
    [InlineData("--address https://localhost:0 --tls-certificate {0}/vae.crt --tls-key {0}/ca.key", "are not a certificate and its key")]
    [InlineData("--address https://localhost:0 --tls-certificate {0}/vae.crt --tls-key {0}/vae.key --tls-client-ca {0}/ca.key",
        "ca.key' has no certificate")]
    [InlineData("--tls-client-names a..b/c", "TlsClientNames may be DNS names")]
    [InlineData("--health-address https://localhost:1", "HealthAddress 'https://localhost:1'")]
    public void Certificates_that_cannot_be_used_end_the_start(string arguments, string message) => AssertRefused<DenoiserOptions>(
        "denoiser", $"--checkpoint x {arguments}", message);

    [Theory]
    [InlineData("--tier-ca {0}/ca.crt --text-encoder http://a:1", "TextEncoder 'http://a:1' is plain text")]
    [InlineData("--tier-ca {0}/ca.crt --denoiser https://a:1,http://b:1", "Denoiser 'http://b:1' is plain text")]
    [InlineData("--tier-certificate {0}/vae.crt", "TierCertificate and TierKey go together")]
    [InlineData("--api-keys {0}/ca.crt", "The file of keys is not understood")]
    [InlineData("--web-address https://localhost:0", "https://localhost:0 needs a certificate")]
    public void An_orchestrators_files_and_addresses_must_fit(string arguments, string message) =>
        AssertRefused<OrchestratorOptions>("orchestrator", arguments, message);

    [Theory]
    [InlineData("--checkpoint x", 0)]
    [InlineData("--checkpoint x --address unix:/tmp/a.sock", 0)]
    [InlineData("--checkpoint x --address http://0.0.0.0:1", 2)]
    [InlineData("--checkpoint x --address http://denoiser:1", 2)]
    [InlineData("--checkpoint x --address https://0.0.0.0:1 --tls-certificate {0}/vae.crt --tls-key {0}/vae.key", 1)]
    [InlineData(
        "--checkpoint x --address https://0.0.0.0:1 --tls-certificate {0}/vae.crt --tls-key {0}/vae.key --tls-client-ca {0}/ca.crt", 0)]
    public void An_internal_service_that_is_open_to_other_machines_warns(string arguments, int warnings) =>
        Assert.Equal(warnings, Read<DenoiserOptions>("denoiser", arguments).ExposureWarnings().Count());

    [Theory]
    [InlineData("", 0)]
    [InlineData("--address http://0.0.0.0:1", 2)]
    [InlineData("--web-address http://[::]:1", 2)]
    [InlineData("--address https://0.0.0.0:1 --tls-certificate {0}/vae.crt --tls-key {0}/vae.key", 1)]
    [InlineData("--address https://0.0.0.0:1 --tls-certificate {0}/vae.crt --tls-key {0}/vae.key --tls-client-ca {0}/ca.crt", 0)]
    public void An_orchestrator_that_is_open_to_other_machines_warns(string arguments, int warnings) =>
        Assert.Equal(warnings, Read<OrchestratorOptions>("orchestrator", arguments).ExposureWarnings().Count());

    private void AssertRefused<TOptions>(string service, string arguments, string message)
        where TOptions : ServiceOptions, new() => Assert.Contains(
            message, Assert.Throws<ValidationException>(() => Read<TOptions>(service, arguments)).Message, StringComparison.Ordinal);

    private TOptions Read<TOptions>(string service, string arguments)
        where TOptions : ServiceOptions, new() => new OptionsReader<TOptions>(service).Read(
            arguments.Replace("{0}", _folder.Path, StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries), _ => null);
}
