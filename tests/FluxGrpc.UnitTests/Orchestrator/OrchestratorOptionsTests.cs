using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

public sealed class OrchestratorOptionsTests
{
    private static readonly OptionsReader<OrchestratorOptions> _reader = new(OrchestratorServer.Name);

    [Fact]
    public void The_defaults_are_allowed()
    {
        var options = _reader.Read([], _ => null);

        Assert.Equal("http://127.0.0.1:5000", options.Address);
        Assert.Equal(("http://127.0.0.1:5001", "http://127.0.0.1:5002", "http://127.0.0.1:5003"),
            (options.TextEncoder, options.Denoiser, options.Vae));
    }

    [Theory]
    [InlineData("--denoiser=not an address", "Denoiser 'not an address' is not an address")]
    [InlineData("--denoiser=http://127.0.0.1:1,nowhere else", "Denoiser 'nowhere else' is not an address")]
    [InlineData("--min-side=100", "MinSide is 100; allowed: multiples of 16")]
    [InlineData("--max-side=48", "MinSide 64 is more than MaxSide 48")]
    [InlineData("--max-pixels=256", "MaxPixels 256 is less than MinSide² 4096")]
    [InlineData("--max-generations=0", "MaxGenerations")]
    [InlineData("--max-guidance=NaN", "MaxGuidance")]
    [InlineData("--web-hosts=localhost:5080", "WebHosts is 'WebHosts'; allowed: host names without ports")]
    [InlineData("--web-address=nowhere at all", "WebAddress 'nowhere at all' is not an address")]
    [InlineData("--web-address=ftp://127.0.0.1:1", "WebAddress 'ftp://127.0.0.1:1' is not an address")]
    public void Bad_options_are_named(string argument, string message)
    {
        var exception = Assert.Throws<ValidationException>(() => _reader.Read([argument], _ => null));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }
}
