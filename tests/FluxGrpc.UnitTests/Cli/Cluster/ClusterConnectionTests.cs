using FluxGrpc.Cli;
using FluxGrpc.Cli.Cluster;
using Xunit;

namespace FluxGrpc.UnitTests.Cli.Cluster;

public sealed class ClusterConnectionTests
{
    private static readonly (string, string)[] _two = [("cluster-a", "unix:/a/control.sock"), ("cluster-b", "unix:/b/control.sock")];

    [Fact]
    public void The_only_cluster_needs_no_name() =>
        Assert.Equal("unix:/a/control.sock", ClusterConnection.Choose(_two[..1], name: null));

    [Fact]
    public void One_of_several_is_found_by_its_name() =>
        Assert.Equal("unix:/b/control.sock", ClusterConnection.Choose(_two, "cluster-b"));

    [Fact]
    public void What_cannot_be_chosen_is_an_error_that_lists_the_choice()
    {
        Assert.Equal("no cluster of this user is running here; 'flux cluster' starts one", Refusal([], "cluster-a"));
        Assert.Equal("no cluster 'x' is running here; running: cluster-a, cluster-b", Refusal(_two, "x"));
        Assert.Equal("several clusters are running; name one with --cluster: cluster-a, cluster-b", Refusal(_two, null));
    }

    private static string Refusal((string, string)[] running, string? name) =>
        Assert.Throws<CliException>(() => ClusterConnection.Choose(running, name)).Message;
}
