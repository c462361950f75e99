using FluxGrpc.Orchestrator.Tier.Discovery;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier.Discovery;

public sealed class AddressListTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData("# none yet\n\n", new string[0])]
    [InlineData("http://a:1\r\n  b:2   # the second\n\nunix:/c\nhttp://a:1", new[] { "http://a:1", "http://b:2", "unix:/c" })]
    public void An_address_a_line_is_read_each_once(string text, string[] expected)
    {
        Assert.True(AddressList.TryParse(text, out var addresses, out _));

        Assert.Equal(expected, addresses.Select(address => address.ToString()));
    }

    [Fact]
    public void A_line_that_is_none_spoils_the_list_and_is_named()
    {
        Assert.False(AddressList.TryParse("http://a:1\nftp://b", out _, out var problem));

        Assert.Equal("line 2 is not an address", problem);
    }

    [Fact]
    public void A_list_has_a_limit()
    {
        var most = string.Join('\n', Enumerable.Range(1, AddressList.MaxCount).Select(port => $"host:{port}"));
        Assert.True(AddressList.TryParse(most, out _, out _));

        Assert.False(AddressList.TryParse(most + "\nhost:60000", out _, out var problem));

        Assert.Contains("1024", problem, StringComparison.Ordinal);
    }
}
