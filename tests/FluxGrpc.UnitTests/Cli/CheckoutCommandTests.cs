using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Cli;

/// <summary>
/// <c>client/flux</c> builds where something has changed, and only there. In a checkout of a few files, with a script in the place of
/// <c>dotnet</c> that writes down what it is asked for.
/// </summary>
public sealed class CheckoutCommandTests : IDisposable
{
    private const string Dotnet = """
        #!/bin/sh
        case $1 in
            msbuild) echo "$CHECKOUT/artifacts/flux.dll" ;;
            build) [ ! -e "$CHECKOUT/broken" ] || exit 1; echo built >> "$CHECKOUT/log"; touch "$CHECKOUT/artifacts/flux.dll" ;;
            *) printf '<%s>' "$@" ;;
        esac
        """;

    private readonly TemporaryFolder _checkout = new();

    /// <summary>Lays out the files.</summary>
    public CheckoutCommandTests()
    {
        foreach (var file in (string[])["Directory.Build.props", "README.md", "protos/a.proto", "services/A/A.cs", "services/A/B.cs",
            "client/FluxGrpc.Cli/Program.cs", "client/python/a.py", "log"])
            File.WriteAllText(_checkout.PathOf(file), "");
        File.Copy(Checkout.PathOf("client", "flux"), At("client/flux"));
        File.WriteAllText(_checkout.PathOf("bin/dotnet"), Dotnet);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At("bin/dotnet"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private int Builds => File.ReadAllLines(At("log")).Length;

    /// <inheritdoc/>
    public void Dispose() => _checkout.Dispose();

    [Fact]
    public async Task The_first_call_builds_and_others_run_at_once()
    {
        var expected = $"<{At("artifacts/flux.dll")}><generate><a red circle><--seed><7>";
        foreach (var _ in Enumerable.Range(0, 3))
            Assert.Equal(expected, await RunAsync("generate", "a red circle", "--seed", "7"));

        Assert.Equal(1, Builds);
    }

    [Theory]
    [InlineData("services/A/A.cs", true)]
    [InlineData("services/A/New.cs", true)]
    [InlineData("protos/a.proto", true)]
    [InlineData("client/FluxGrpc.Cli/Program.cs", true)]
    [InlineData("Directory.Build.props", true)]
    [InlineData("README.md", false)]
    [InlineData("client/python/a.py", false)]
    public Task What_is_written_is_built_where_it_is_part_of_the_program(string file, bool isBuilt) =>
        AssertBuiltAsync(isBuilt, () => File.WriteAllText(At(file), "changed"));

    [Theory]
    [InlineData("services/A/B.cs")]
    [InlineData("artifacts/flux.dll")]
    public Task What_is_deleted_is_noticed(string file) => AssertBuiltAsync(true, () => File.Delete(At(file)));

    [Fact]
    public async Task Another_libtorch_is_another_build()
    {
        await RunAsync();
        Assert.StartsWith("<", await RunAsync("cuda", []), StringComparison.Ordinal);
        await RunAsync("cuda", []);

        Assert.Equal(2, Builds);
    }

    [Fact]
    public async Task What_cannot_be_built_does_not_run()
    {
        await RunAsync();
        await File.WriteAllTextAsync(At("services/A/A.cs"), "wrong");
        await File.WriteAllTextAsync(At("broken"), "");
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => RunAsync());
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => RunAsync());

        File.Delete(At("broken"));
        await RunAsync();
        Assert.Equal(2, Builds);
    }

    [Fact]
    public async Task A_link_to_it_finds_the_checkout()
    {
        File.CreateSymbolicLink(At("bin/flux"), At("client/flux"));

        Assert.Equal($"<{At("artifacts/flux.dll")}>", await RunAsync("cpu", [], At("bin/flux")));
    }

    private async Task AssertBuiltAsync(bool isBuilt, Action change)
    {
        await RunAsync();
        change();
        await RunAsync();
        await RunAsync();

        Assert.Equal(isBuilt ? 2 : 1, Builds);
    }

    private string At(string file) => Path.Combine(_checkout.Path, file);

    private Task<string> RunAsync(params string[] arguments) => RunAsync("cpu", arguments);

    private Task<string> RunAsync(string torchBackend, string[] arguments, string? command = null) => ForeignProgram.OutputAsync(
        _checkout.Path,
        new Dictionary<string, string>
        {
            ["CHECKOUT"] = _checkout.Path,
            ["PATH"] = $"{At("bin")}:{Environment.GetEnvironmentVariable("PATH")}",
            ["TorchBackend"] = torchBackend,
        },
        TimeSpan.FromMinutes(1), "/bin/sh", [command ?? At("client/flux"), .. arguments]);
}
