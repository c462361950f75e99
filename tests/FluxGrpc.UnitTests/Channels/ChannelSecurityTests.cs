using FluxGrpc.Channels;
using Xunit;

namespace FluxGrpc.UnitTests.Channels;

public sealed class ChannelSecurityTests
{
    [Theory]
    [InlineData("http://127.0.0.1:5000")]
    [InlineData("http://localhost:5000")]
    [InlineData("http://[::1]:5000")]
    [InlineData("unix:/tmp/x.sock")]
    [InlineData("https://example.org")]
    public void A_key_travels_where_nobody_else_reads_it(string address) =>
        Assert.Null(new ChannelSecurity { ApiKey = "k" }.ProblemWith(ServiceAddress.Parse(address)));

    [Theory]
    [InlineData("http://example.org")]
    [InlineData("http://10.0.0.1:5000")]
    public void A_key_does_not_travel_readable(string address)
    {
        var refused = Assert.Throws<ArgumentException>(
            () => ServiceChannel.Create(ServiceAddress.Parse(address), new ChannelSecurity { ApiKey = "k" }));

        Assert.Contains("would travel readable", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_without_TLS_are_a_mistake() =>
        Assert.NotNull(new ChannelSecurity { CaFile = "ca.crt" }.ProblemWith(ServiceAddress.Parse("http://localhost:1")));

    [Fact]
    public void A_certificate_needs_its_key() =>
        Assert.NotNull(new ChannelSecurity { CertificateFile = "a.crt" }.ProblemWith(ServiceAddress.Parse("https://localhost:1")));

    [Fact]
    public void Its_text_does_not_show_the_key() =>
        Assert.DoesNotContain("secret", new ChannelSecurity { ApiKey = "secret" }.ToString(), StringComparison.Ordinal);
}
