using FluxGrpc.Channels;
using Xunit;

namespace FluxGrpc.UnitTests.Channels;

public sealed class ServiceAddressTests
{
    [Theory]
    [InlineData("http://127.0.0.1:5001", "http://127.0.0.1:5001")]
    [InlineData("localhost:5001", "http://localhost:5001")]
    [InlineData("https://denoiser.example:443", "https://denoiser.example")]
    [InlineData("http://[::1]:5001/", "http://[::1]:5001")]
    [InlineData("unix:/tmp/a.sock", "unix:/tmp/a.sock")]
    [InlineData("unix:///tmp/a.sock", "unix:/tmp/a.sock")]
    public void Addresses_are_read(string text, string address) => Assert.Equal(address, ServiceAddress.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("ftp://host:21")]
    [InlineData("http://host:5001/path")]
    [InlineData("http://:5001")]
    [InlineData("host:notaport")]
    [InlineData("unix:")]
    public void What_is_no_address_is_refused_with_the_forms_that_are(string text)
    {
        var exception = Assert.Throws<FormatException>(() => ServiceAddress.Parse(text));

        Assert.Contains($"'{text}'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("unix:/path/of.sock", exception.Message, StringComparison.Ordinal);
    }
}
