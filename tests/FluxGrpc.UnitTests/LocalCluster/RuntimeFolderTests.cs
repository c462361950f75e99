using FluxGrpc.LocalCluster;
using Xunit;

namespace FluxGrpc.UnitTests.LocalCluster;

/// <summary>Whose folder is whose: the claim decides, not the folder.</summary>
public sealed class RuntimeFolderTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void A_sweep_deletes_what_nobody_claims_and_leaves_the_rest()
    {
        var runtime = Runtime();
        using var claim = runtime.Claim("alive");
        runtime.Create("alive");
        runtime.Create("killed");
        File.WriteAllText(Path.Combine(runtime.PathOf("killed"), "vae.sock"), "");
        File.WriteAllText(runtime.PathOf("killed") + ".lock", "");
        File.WriteAllText(runtime.PathOf("killed-early") + ".lock", "");

        runtime.Sweep();

        Assert.Equal(["alive", "alive.lock"], Entries(runtime));
        Assert.Equal(["alive"], runtime.Names());
    }

    [Fact]
    public void A_claim_is_exclusive_and_leaves_no_file()
    {
        var runtime = Runtime();
        using (runtime.Claim("one"))
            Assert.Throws<IOException>(() => runtime.Claim("one"));

        Assert.Empty(Entries(runtime));
    }

    [Fact]
    public void A_new_socket_folder_sweeps_first()
    {
        var runtime = Runtime();
        runtime.Create("killed");

        using var sockets = new SocketFolder(runtime, "cluster");

        Assert.StartsWith("cluster-", sockets.Name, StringComparison.Ordinal);
        Assert.Equal([sockets.Name], runtime.Names());
    }

    [Fact]
    public void A_folder_that_others_may_enter_is_closed_to_them()
    {
        if (OperatingSystem.IsWindows())
            return;
        var path = Path.Combine(_parent.FullName, "open");
        Directory.CreateDirectory(path, (UnixFileMode)0b111_111_111);

        _ = new RuntimeFolder(path);

        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_link_in_its_place_is_refused()
    {
        var path = Path.Combine(_parent.FullName, "link");
        Directory.CreateSymbolicLink(path, _parent.FullName);

        var exception = Assert.Throws<IOException>(() => new RuntimeFolder(path));

        Assert.Contains("is not this user's own", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_place_too_deep_for_sockets_is_refused()
    {
        var deep = new RuntimeFolder(Path.Combine(_parent.FullName, new string('x', 60)));

        var exception = Assert.Throws<IOException>(() => new SocketFolder(deep, "cluster"));

        Assert.Contains("too deep for Unix domain sockets", exception.Message, StringComparison.Ordinal);
        Assert.Empty(Entries(deep));
    }

    [Fact]
    public void It_lies_where_the_user_says_or_where_nobody_else_can_put_one()
    {
        Assert.Equal(Path.Combine(_parent.FullName, "fluxgrpc"), RuntimeFolder.PathFor(_parent.FullName));
        foreach (var unusable in new[] { null, "", "relative/folder", "/not/there" })
        {
            var path = RuntimeFolder.PathFor(unusable);
            Assert.True(Directory.Exists(Path.GetDirectoryName(path)), path);
            Assert.Contains("fluxgrpc", Path.GetFileName(path), StringComparison.Ordinal);
        }
    }

    private RuntimeFolder Runtime() => new(Path.Combine(_parent.FullName, "fluxgrpc"));

    private static IEnumerable<string?> Entries(RuntimeFolder runtime) =>
        Directory.EnumerateFileSystemEntries(runtime.FullName).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}
