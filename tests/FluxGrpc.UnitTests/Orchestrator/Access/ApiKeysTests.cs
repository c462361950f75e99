using FluxGrpc.Orchestrator.Access;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Access;

public sealed class ApiKeysTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 28, 0, 0, 0, TimeSpan.Zero));
    private readonly string _text = ApiKeyText.Draw();
    private readonly ApiKey _key;

    public ApiKeysTests()
    {
        ApiKeyText.TryGetId(_text, out var id);
        _key = new ApiKey { Id = id!, Name = "alice", Sha256 = Convert.ToHexString(ApiKeyText.Hash(_text)) };
    }

    private string FilePath => _folder.PathOf("keys.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_file_survives_writing_and_reading()
    {
        var key = _key with { Priority = Priority.Batch, RequestsPerMinute = 7, MaxConcurrent = 2, Expires = _time.GetUtcNow() };

        Assert.Equal([key], ApiKeyFile.Parse(ApiKeyFile.Serialize([key])));
    }

    [Theory]
    [InlineData("", "not understood")]
    [InlineData("{}", "no list")]
    [InlineData("""{"keys": [{"id": "a"}]}""", "not understood")]
    [InlineData("""{"keys": [{"id": "a", "name": "b", "sha256": "12"}]}""", "Key 'a' has no SHA-256")]
    [InlineData("""{"keys": [{"id": "a", "name": "b", "sha256": "12", "requestPerMinute": 1}]}""", "not understood")]
    [InlineData("""{"keys": [{"id": "a", "name": "b", "sha256": "12", "priority": "urgent"}]}""", "not understood")]
    public void A_file_with_a_mistake_is_refused_whole(string text, string message) => Assert.Contains(
        message, Assert.Throws<InvalidDataException>(() => ApiKeyFile.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_limit_below_zero_or_an_id_twice_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => ApiKeyFile.Parse(ApiKeyFile.Serialize([_key, _key])));
        Assert.Throws<InvalidDataException>(() => ApiKeyFile.Parse(ApiKeyFile.Serialize([_key with { MaxConcurrent = -1 }])));
    }

    [Fact]
    public void A_key_is_known_by_its_whole_text()
    {
        using var keys = Follow(_key);

        Assert.Equal(_key.Id, keys.Identify($"Bearer {_text}").Id);
        Assert.Equal(_key.Id, keys.Identify($"bearer {_text}").Id);
        string?[] wrongs = [null, "", _text, $"Basic {_text}", $"Bearer {_text[..^1]}", $"Bearer {_text}0", "Bearer", "Bearer flux__"];
        foreach (var wrong in wrongs)
            Assert.Equal(StatusCode.Unauthenticated, Assert.Throws<RpcException>(() => keys.Identify(wrong)).StatusCode);
    }

    [Fact]
    public void A_key_counts_until_it_expires_or_is_revoked()
    {
        using var keys = Follow(_key with { Expires = _time.GetUtcNow().AddSeconds(10) });
        keys.Identify($"Bearer {_text}");

        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Contains("has expired", Refusal(keys), StringComparison.Ordinal);

        Write(_key with { Revoked = _time.GetUtcNow() });
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains("was revoked", Refusal(keys), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_does_not_have_the_key_does_not_learn_its_state()
    {
        using var keys = Follow(_key with { Revoked = _time.GetUtcNow() });

        var refused = Assert.Throws<RpcException>(() => keys.Identify($"Bearer {_text[..^1]}{(_text[^1] == '0' ? '1' : '0')}"));

        Assert.Equal("The API key is not right", refused.Status.Detail);
    }

    [Fact]
    public void Places_are_counted_over_all_calls_of_a_key_and_outlive_a_change_of_the_file()
    {
        using var keys = Follow(_key with { MaxConcurrent = 1, RequestsPerMinute = 0 });
        var place = keys.Identify($"Bearer {_text}").Limits.Enter();
        Write(_key with { MaxConcurrent = 1, RequestsPerMinute = 0, Name = "Alice" });
        _time.Advance(TimeSpan.FromSeconds(1));

        var limits = keys.Identify($"Bearer {_text}").Limits;
        var refused = Assert.Throws<RpcException>(limits.Enter);
        place.Dispose();
        place.Dispose();
        using var next = limits.Enter();

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Throws<RpcException>(limits.Enter); // A place given back twice is one place.
    }

    [Theory]
    [InlineData(Priority.Interactive, Priority.Unspecified, Priority.Unspecified)]
    [InlineData(Priority.Interactive, Priority.Batch, Priority.Batch)]
    [InlineData(Priority.Batch, Priority.Unspecified, Priority.Batch)]
    [InlineData(Priority.Batch, Priority.Batch, Priority.Batch)]
    public void A_key_gets_no_more_than_its_priority(Priority highest, Priority wish, Priority granted)
    {
        using var keys = Follow(_key with { Priority = highest });

        Assert.Equal(granted, keys.Identify($"Bearer {_text}").Grant(wish));
    }

    private string Refusal(ApiKeys keys) => Assert.Throws<RpcException>(() => keys.Identify($"Bearer {_text}")).Status.Detail;

    private ApiKeys Follow(ApiKey key)
    {
        Write(key);
        return new ApiKeys(FilePath, NullLogger<ApiKeys>.Instance, _time);
    }

    private void Write(ApiKey key) => File.WriteAllText(FilePath, ApiKeyFile.Serialize([key]));
}
