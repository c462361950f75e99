using FluxGrpc.LocalCluster;
using Xunit;

namespace FluxGrpc.UnitTests.LocalCluster;

public sealed class SocketFolderTests
{
    [Fact]
    public void Only_its_owner_may_enter_and_nothing_is_left_behind()
    {
        string folder;
        using (var sockets = new SocketFolder())
        {
            folder = sockets.FullName;
            File.WriteAllText(Path.Combine(folder, "vae.sock"), "");

            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
            Assert.Equal($"unix:{folder}/vae.sock", sockets.AddressOf("vae"));
        }

        Assert.False(Directory.Exists(folder));
        Assert.False(File.Exists($"{folder}.lock"));
    }

    [Fact]
    public void A_name_that_could_make_the_path_too_long_is_refused()
    {
        using var sockets = new SocketFolder();

        Assert.Throws<ArgumentOutOfRangeException>(() => sockets.AddressOf(new string('x', 20)));
    }
}
