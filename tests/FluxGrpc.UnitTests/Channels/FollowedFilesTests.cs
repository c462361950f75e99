using FluxGrpc.Channels;
using FluxGrpc.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Channels;

public sealed class FollowedFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _problems = [];

    private string File1 => _folder.PathOf("one");

    private string File2 => _folder.PathOf("two");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_change_counts_after_a_second()
    {
        var files = Follow("a", "b");
        File.WriteAllText(File2, "c");

        Assert.Equal("ab", files.Current);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("ac", files.Current);
    }

    [Fact]
    public void A_text_that_is_none_leaves_the_value_and_is_told_once()
    {
        var files = Follow("a", "b");
        foreach (var text in new[] { "bad", "bad", "good" })
        {
            File.WriteAllText(File1, text);
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(text == "bad" ? "ab" : "goodb", files.Current);
        }

        Assert.Equal(["this is bad"], _problems);
    }

    [Fact]
    public void A_file_that_is_gone_leaves_the_value()
    {
        var files = Follow("a", "b");
        File.Delete(File1);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("ab", files.Current);
        Assert.Contains(File1, Assert.Single(_problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_at_the_start_is_named() => Assert.Contains(
        File1, Assert.Throws<InvalidDataException>(() => Create()).Message, StringComparison.Ordinal);

    private FollowedFiles<string> Follow(string first, string second)
    {
        File.WriteAllText(File1, first);
        File.WriteAllText(File2, second);
        return Create();
    }

    private FollowedFiles<string> Create() => new([File1, File2],
        texts => texts[0] == "bad" ? throw new InvalidDataException("this is bad") : string.Concat(texts), _problems.Add, _time);
}
