using FluxGrpc.Orchestrator.Tier.Discovery;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier.Discovery;

public sealed class ReplicaTargetTests
{
    [Fact]
    public void A_list_is_its_addresses_each_once()
    {
        var target = ReplicaTarget.Parse("http://127.0.0.1:1, unix:/tmp/denoiser-2.sock,host:3,http://127.0.0.1:1");

        Assert.Equal(["http://127.0.0.1:1", "unix:/tmp/denoiser-2.sock", "http://host:3"],
            target.Addresses.Select(address => address.ToString()));
        Assert.Null(target.Dynamic);
    }

    [Theory]
    [InlineData("dns:///denoisers.flux.svc:5002", "dns:///denoisers.flux.svc:5002")]
    [InlineData("dns:denoisers:5002", "dns:///denoisers:5002")]
    [InlineData("dns:///denoisers:80", "dns:///denoisers:80")]
    [InlineData("file:/run/flux/denoisers", "file:///run/flux/denoisers")]
    [InlineData("file:///run/flux/denoisers", "file:///run/flux/denoisers")]
    [InlineData("file:/run/a list of #1", "file:///run/a list of #1")]
    public void A_name_or_a_file_is_left_to_a_resolver(string text, string uri)
    {
        var target = ReplicaTarget.Parse(text);

        Assert.Empty(target.Addresses);
        Assert.Equal(uri, Uri.UnescapeDataString(target.Dynamic!.AbsoluteUri));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("http://a:1,", "")]
    [InlineData("http://a:1,nowhere else", "nowhere else")]
    [InlineData("dns:///denoisers", "dns:///denoisers")]
    [InlineData("dns:///denoisers:0x1", "dns:///denoisers:0x1")]
    [InlineData("dns:///a:1/path", "dns:///a:1/path")]
    [InlineData("file:", "file:")]
    [InlineData("file:///", "file:///")]
    public void What_is_none_is_named(string text, string problem)
    {
        Assert.False(ReplicaTarget.TryParse(text, out _, out var named));

        Assert.Equal(problem, named);
        Assert.Contains(ReplicaTarget.Allowed, Assert.Throws<FormatException>(() => ReplicaTarget.Parse(text)).Message,
            StringComparison.Ordinal);
    }
}
