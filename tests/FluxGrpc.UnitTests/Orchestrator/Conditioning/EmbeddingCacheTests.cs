using FluxGrpc.Orchestrator.Conditioning;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Conditioning;

public sealed class EmbeddingCacheTests
{
    private const int TensorBytes = 10_000;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private int _calls;

    [Fact]
    public async Task The_same_prompt_is_encoded_once()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);

        var (first, firstCached) = await cache.GetAsync(Key("a"), EncodeAsync, default);
        var (second, secondCached) = await cache.GetAsync(Key("a"), EncodeAsync, default);

        Assert.Same(first, second);
        Assert.Equal((false, true, 1), (firstCached, secondCached, _calls));
        Assert.Equal((1, 1L, 1L), (cache.Status.Entries, cache.Status.Hits, cache.Status.Misses));
    }

    [Fact]
    public async Task All_that_the_encoding_depends_on_tells_prompts_apart()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);
        EmbeddingKey[] keys =
        [
            Key("a"), Key("b"), Key("a") with { T5Prompt = "a" }, Key("a") with { T5Prompt = "" }, Key("a") with { MaxTokens = 9 },
            Key("a") with { Fingerprint = "other" },
        ];

        foreach (var key in keys)
            Assert.False((await cache.GetAsync(key, EncodeAsync, default)).Cached);

        Assert.Equal(keys.Length, _calls);
    }

    [Fact]
    public async Task Those_used_longest_ago_go_first_and_the_bytes_stay_within_the_bound()
    {
        var cache = new EmbeddingCache(4 * TensorBytes); // Room for three: an entry takes a little more than its tensors.
        foreach (var prompt in new[] { "a", "b", "c", "a", "d" })
        {
            await cache.GetAsync(Key(prompt), EncodeAsync, default);
            Assert.InRange(cache.Status.Bytes, cache.Status.Entries * TensorBytes, cache.Status.MaxBytes);
        }

        Assert.Equal(3, cache.Status.Entries);
        foreach (var (prompt, kept) in new[] { ("a", true), ("c", true), ("d", true), ("b", false) })
            Assert.Equal(kept, await IsCachedAsync(prompt));

        async Task<bool> IsCachedAsync(string prompt) => (await cache.GetAsync(Key(prompt), EncodeAsync, default)).Cached;
    }

    [Fact]
    public async Task What_is_larger_than_the_cache_is_not_kept_and_drives_nothing_out()
    {
        var cache = new EmbeddingCache(2 * TensorBytes);
        await cache.GetAsync(Key("small"), EncodeAsync, default);

        await cache.GetAsync(Key("large"), _ => Task.FromResult(Encoded(3 * TensorBytes)), default);

        Assert.True((await cache.GetAsync(Key("small"), EncodeAsync, default)).Cached);
        Assert.Equal(1, cache.Status.Entries);
    }

    [Fact]
    public async Task Switched_off_it_keeps_and_shares_nothing()
    {
        var cache = new EmbeddingCache(0);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => cache.GetAsync(Key("a"), EncodeAsync, default)));

        Assert.Equal((3, 0, 0L), (_calls, cache.Status.Entries, cache.Status.Bytes));
    }

    [Fact]
    public async Task Requests_at_the_same_time_share_one_call()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);
        var call = new SharedCall();

        var requests = Enumerable.Range(0, 100).Select(_ => cache.GetAsync(Key("a"), call.EncodeAsync, default)).ToArray();
        call.Answer.SetResult(Encoded(TensorBytes));
        var answers = await Task.WhenAll(requests);

        Assert.Equal(1, call.Count);
        Assert.Single(answers.Select(answer => answer.Encoded).Distinct());
        Assert.Equal(1, answers.Count(answer => !answer.Cached));
        Assert.Equal((99L, 1L), (cache.Status.Hits, cache.Status.Misses));
    }

    [Fact]
    public async Task One_caller_that_leaves_does_not_fail_the_others_even_the_first()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);
        var call = new SharedCall();
        using var leaving = new CancellationTokenSource();
        var first = cache.GetAsync(Key("a"), call.EncodeAsync, new CallOptions(cancellationToken: leaving.Token));
        var second = cache.GetAsync(Key("a"), call.EncodeAsync, default);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        call.Answer.SetResult(Encoded(TensorBytes));

        Assert.NotNull((await second).Encoded);
        Assert.False(call.WasCancelled);
    }

    [Fact]
    public async Task When_all_callers_have_left_the_call_is_cancelled_and_the_next_request_starts_anew()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);
        var call = new SharedCall();
        using var leaving = new CancellationTokenSource();
        var options = new CallOptions(cancellationToken: leaving.Token);
        var callers = new[] { cache.GetAsync(Key("a"), call.EncodeAsync, options), cache.GetAsync(Key("a"), call.EncodeAsync, options) };
        await call.Started;

        await leaving.CancelAsync();
        foreach (var caller in callers)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => caller);

        await call.Cancelled.WaitAsync(_patience);
        Assert.False((await cache.GetAsync(Key("a"), EncodeAsync, default)).Cached);
        Assert.Equal(1, _calls);
    }

    [Fact]
    public async Task A_failure_reaches_all_that_wait_and_is_not_remembered()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);
        var call = new SharedCall();
        var callers = new[] { cache.GetAsync(Key("a"), call.EncodeAsync, default), cache.GetAsync(Key("a"), call.EncodeAsync, default) };

        call.Answer.SetException(new InvalidDataException("nonsense"));

        foreach (var caller in callers)
            await Assert.ThrowsAsync<InvalidDataException>(() => caller);
        Assert.False((await cache.GetAsync(Key("a"), EncodeAsync, default)).Cached);
    }

    [Fact]
    public async Task When_the_first_callers_time_is_up_those_with_time_left_ask_again()
    {
        var cache = new EmbeddingCache(10 * TensorBytes);
        var call = new SharedCall();
        var early = new CallOptions(deadline: DateTime.UnixEpoch);
        var first = cache.GetAsync(Key("a"), call.EncodeAsync, early);
        var sameTime = cache.GetAsync(Key("a"), EncodeAsync, early);
        var moreTime = cache.GetAsync(Key("a"), EncodeAsync, early.WithDeadline(DateTime.UnixEpoch.AddSeconds(1)));
        await call.Started;

        call.Answer.SetException(RpcErrors.Unavailable("COMPONENT_MISSING", "no text encoder", TimeSpan.FromSeconds(1)));

        await Assert.ThrowsAsync<RpcException>(() => first);
        await Assert.ThrowsAsync<RpcException>(() => sameTime);
        Assert.False((await moreTime).Cached);
        Assert.Equal((1, 1), (call.Count, _calls));
    }

    private Task<TextEncoderServiceEncodeResponse> EncodeAsync(CallOptions options)
    {
        Interlocked.Increment(ref _calls);
        return Task.FromResult(Encoded(TensorBytes));
    }

    private static TextEncoderServiceEncodeResponse Encoded(int bytes) =>
        new() { HiddenStates = new Tensor { Data = ByteString.CopyFrom(new byte[bytes]) } };

    private static EmbeddingKey Key(string prompt) => new(prompt, null, 8, "text-1");

    /// <summary>A call that several callers wait for.</summary>
    private sealed class SharedCall
    {
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count;

        public TaskCompletionSource<TextEncoderServiceEncodeResponse> Answer { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Started => _started.Task.WaitAsync(_patience);

        public Task Cancelled => _cancelled.Task;

        public bool WasCancelled => _cancelled.Task.IsCompleted;

        public int Count => Volatile.Read(ref _count);

        public async Task<TextEncoderServiceEncodeResponse> EncodeAsync(CallOptions options)
        {
            Interlocked.Increment(ref _count);
            _started.TrySetResult();
            try
            {
                return await Answer.Task.WaitAsync(options.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                _cancelled.TrySetResult();
                throw;
            }
        }
    }
}
