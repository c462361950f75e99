using FluxGrpc.LocalCluster.Processes;
using Xunit;

namespace FluxGrpc.UnitTests.LocalCluster;

public sealed class DenoiserListTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void It_holds_one_address_a_line_and_is_replaced_whole()
    {
        var path = Path.Combine(_folder.FullName, "denoisers");
        var list = new DenoiserList(path);
        list.Write(["unix:/run/denoiser-1.sock", "unix:/run/denoiser-2.sock"]);
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));

        list.Write(["unix:/run/denoiser-2.sock"]);

        Assert.Equal(["unix:/run/denoiser-2.sock"], File.ReadAllLines(path));
        Assert.Equal("unix:/run/denoiser-1.sock\nunix:/run/denoiser-2.sock\n", reader.ReadToEnd()); // It had the old one open.
        Assert.Equal(["denoisers"], _folder.EnumerateFiles().Select(file => file.Name));
        Assert.Equal($"file:{path}", list.Target);
    }
}
