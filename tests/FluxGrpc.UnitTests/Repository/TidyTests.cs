using System.Text.RegularExpressions;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Repository;

/// <summary>Reads the repository itself.</summary>
public sealed partial class TidyTests
{
    private const int LongestLine = 140;
    private const int MostLines = 400;

    private static readonly string[] _topLevel =
    [
        "FluxGrpc.sln", "protos", "services", "client", "tests", "deploy", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
        "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "artifacts",
    ];

    [Fact]
    public void No_source_line_is_too_long() => AssertNone(
        from line in SourceLines()
        where line.Text.Length > LongestLine
        select $"{line.Place}: {line.Text.Length} characters");

    [Fact]
    public void No_source_file_is_too_long() => AssertNone(
        from file in SourceFiles()
        let lines = File.ReadLines(file).Count()
        where lines > MostLines
        select $"{file}: {lines} lines");

    [Fact]
    public void Nothing_is_left_to_do_in_the_source() => AssertNone(
        from line in SourceLines()
        where LeftToDo().IsMatch(line.Text) && !line.Place.Contains(nameof(TidyTests), StringComparison.Ordinal)
        select line.Place);

    [Fact]
    public void No_file_is_named_for_nothing() => AssertNone(
        from file in SourceFiles()
        where VagueName().IsMatch(Path.GetFileNameWithoutExtension(file))
        select file);

    [Fact]
    public void Every_source_file_has_the_name_of_a_type_in_it() => AssertNone(
        from file in SourceFiles()
        let name = Path.GetFileNameWithoutExtension(file).Split('.')[0]
        where name is not ("Program" or "SerialTests" or "AssemblyInfo")
        where !Regex.IsMatch(File.ReadAllText(file), $@"\b(class|record|struct|interface|enum)\s+(struct\s+)?{Regex.Escape(name)}\b")
        select file);

    [Fact]
    public void The_top_level_holds_what_it_should() => AssertNone(
        from entry in Directory.EnumerateFileSystemEntries(Checkout.Root)
        let name = Path.GetFileName(entry)
        where !name.StartsWith('.') && !_topLevel.Contains(name) && !name.EndsWith(".png", StringComparison.Ordinal)
        select entry);

    private static void AssertNone(IEnumerable<string> findings) => Assert.Empty(findings);

    private static IEnumerable<(string Place, string Text)> SourceLines() =>
        from file in SourceFiles()
        from line in File.ReadLines(file).Index()
        select ($"{file}:{line.Index + 1}", line.Item);

    private static IEnumerable<string> SourceFiles() =>
        from folder in new[] { "services", "client", "tests" }
        from file in Directory.EnumerateFiles(Checkout.PathOf(folder), "*.cs", SearchOption.AllDirectories)
        where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        select file;

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex LeftToDo();

    [GeneratedRegex("(Utils?|Helpers?|Manager)$")]
    private static partial Regex VagueName();
}
