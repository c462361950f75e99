using FluxGrpc.Cli;
using FluxGrpc.Cli.Generation;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class OutputNamesTests
{
    [Theory]
    [InlineData("out.png", 0, 1, "out.png")]
    [InlineData("out.png", 0, 2, "out-1.png")]
    [InlineData("out.png", 1, 2, "out-2.png")]
    [InlineData("a/b.c/picture.png", 9, 16, "a/b.c/picture-10.png")]
    [InlineData("/tmp/picture", 2, 3, "/tmp/picture-3")]
    public void Several_images_are_numbered(string path, int index, int count, string expected) =>
        Assert.Equal(expected, OutputNames.For(path, index, count));

    [Fact]
    public void A_folder_that_is_not_there_is_refused_before_the_work_begins()
    {
        var exception = Assert.Throws<CliException>(() => OutputNames.Check("/nowhere/at/all/out.png"));

        Assert.Contains("does not exist", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_cannot_be_the_file() => Assert.Throws<CliException>(() => OutputNames.Check(Path.GetTempPath()));
}
