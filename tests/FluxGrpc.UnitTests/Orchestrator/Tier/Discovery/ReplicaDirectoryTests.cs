using System.Threading.Channels;
using FluxGrpc.Channels;
using FluxGrpc.Orchestrator.Tier.Discovery;
using FluxGrpc.Testing;
using FluxGrpc.UnitTests.Orchestrator.Services;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier.Discovery;

/// <summary>gRPC's resolvers over real names and files, with a clock of our own.</summary>
public sealed class ReplicaDirectoryTests : IDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new();
    private readonly Channel<string> _news = Channel.CreateUnbounded<string>();

    private string List => _folder.PathOf("list");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_fixed_list_is_found_at_once()
    {
        using var directory = await OpenAsync("unix:/tmp/a.sock,http://127.0.0.1:7");

        Assert.Equal("unix:/tmp/a.sock http://127.0.0.1:7", await NextAsync());
    }

    [Fact]
    public async Task A_name_is_found_by_DNS()
    {
        using var directory = await OpenAsync("dns:///localhost:5002");

        Assert.Contains("http://127.0.0.1:5002", (await NextAsync()).Split(' '));
    }

    [Fact]
    public async Task A_file_is_followed_when_it_is_rewritten_and_when_it_is_replaced()
    {
        File.WriteAllText(List, "a:1\n");
        using var directory = await OpenAsync($"file:{List}");
        Assert.Equal("http://a:1", await NextAsync());

        File.WriteAllText(List, "a:1\nb:2\n");
        Assert.Equal("http://a:1 http://b:2", await NextAsync());

        File.WriteAllText(List + ".new", "b:2\n");
        File.Move(List + ".new", List, overwrite: true);
        Assert.Equal("http://b:2", await NextAsync());

        File.WriteAllText(List, "# none\n");
        Assert.Equal("", await NextAsync());
    }

    [Fact]
    public async Task A_file_that_is_wrong_or_gone_changes_nothing_and_is_told_once()
    {
        using var directory = await OpenAsync($"file:{List}");
        Assert.Equal("failed: The list of addresses is not used: it cannot be read", await NextAsync());

        File.WriteAllText(List, "a:1\n");
        Assert.Equal("http://a:1", await NextAsync());

        File.WriteAllText(List, "a:1\nnot one\n");
        Assert.Equal("failed: The list of addresses is not used: line 2 is not an address", await NextAsync());

        File.WriteAllText(List, "b:2\n");
        Assert.Equal("http://b:2", await NextAsync());
        Assert.False(_news.Reader.TryRead(out _));
    }

    private async Task<ReplicaDirectory> OpenAsync(string target)
    {
        var directory = new ReplicaDirectory(
            ReplicaTarget.Parse(target),
            (IReadOnlyList<ServiceAddress> addresses) => _news.Writer.TryWrite(string.Join(' ', addresses)),
            problem => _news.Writer.TryWrite($"failed: {problem}"),
            _time);
        await directory.StartAsync().WaitAsync(ScriptedTier.Patience);
        return directory;
    }

    /// <summary>The next news, letting the clock run until there are some.</summary>
    private async Task<string> NextAsync()
    {
        using var timeout = new CancellationTokenSource(ScriptedTier.Patience);
        var next = _news.Reader.ReadAsync(timeout.Token).AsTask();
        while (!next.IsCompleted)
        {
            _time.Advance(_interval);
            await Task.Yield();
        }

        return await next;
    }
}
