using FluxGrpc.Orchestrator.Tier.Discovery;
using Grpc.Net.Client.Balancer;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier.Discovery;

/// <summary>Where TLS is asked for, no way leads around it.</summary>
public sealed class TierTlsTests
{
    [Theory]
    [InlineData("dns:///denoisers.flux.svc:5002", true, "denoisers.flux.svc")]
    [InlineData("dns:///denoisers.flux.svc:5002", false, null)]
    [InlineData("https://a:1", true, null)]
    [InlineData("file:/run/denoisers", true, null)]
    public void What_a_DNS_name_leads_to_bears_that_name(string target, bool overTls, string? name) =>
        Assert.Equal(name, ReplicaTarget.Parse(target, overTls).TlsName);

    [Fact]
    public void Replicas_of_a_DNS_name_are_called_by_number_and_known_by_name()
    {
        var replica = DirectoryAddress.Unwrap(new BalancerAddress("10.0.0.7", 5002), "denoisers.flux.svc");

        Assert.Equal(("https://10.0.0.7:5002", "denoisers.flux.svc", true), (replica.ToString(), replica.ServerName, replica.IsTls));
        Assert.Equal("http://10.0.0.7:5002", DirectoryAddress.Unwrap(new BalancerAddress("10.0.0.7", 5002), tlsName: null).ToString());
    }

    [Theory]
    [InlineData("https://a:1,http://b:2", "http://b:2")]
    [InlineData("a:1", "http://a:1")]
    public void Plain_text_in_a_list_is_refused(string target, string problem)
    {
        Assert.False(ReplicaTarget.TryParse(target, out _, out var named, overTls: true));
        Assert.Equal(problem, named);
    }

    [Fact]
    public void Plain_text_in_a_file_is_refused_and_a_socket_is_not()
    {
        Assert.True(AddressList.TryParse("https://a:1\nunix:/run/b.sock", out _, out _, overTls: true));
        Assert.False(AddressList.TryParse("https://a:1\nb:2", out _, out var problem, overTls: true));
        Assert.Contains("line 2 is plain text", problem, StringComparison.Ordinal);
    }
}
