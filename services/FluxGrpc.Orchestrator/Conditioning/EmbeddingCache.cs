using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Conditioning;

/// <summary>
/// Remembers encoded prompts, those that were used last, up to a number of bytes. Requests that want the same prompt at the same
/// time share one call of the text encoder. What it hands out is shared and must not be changed.
/// </summary>
/// <param name="maxBytes">Bytes that the prompts may take; 0 remembers and shares nothing.</param>
internal sealed class EmbeddingCache(long maxBytes)
{
    /// <summary>Roughly what an entry takes besides its tensors and texts.</summary>
    private const int EntryOverheadBytes = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<EmbeddingKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new(); // The one used last comes first.
    private readonly Dictionary<EmbeddingKey, Flight> _flights = [];
    private long _bytes;
    private long _hits;
    private long _misses;

    /// <summary>What it holds, and how often it helped.</summary>
    public PromptCacheStatus Status
    {
        get
        {
            lock (_lock)
            {
                return new PromptCacheStatus
                {
                    Entries = _entries.Count,
                    Bytes = _bytes,
                    MaxBytes = maxBytes,
                    Hits = _hits,
                    Misses = _misses,
                };
            }
        }
    }

    /// <summary>Finds an encoded prompt, or has it encoded.</summary>
    /// <param name="key">What the encoding depends on.</param>
    /// <param name="encode">
    /// Calls the text encoder within the options' deadline; their token is cancelled when nobody waits for the answer any more.
    /// </param>
    /// <param name="options">Deadline and cancellation of this caller; they end its wait alone.</param>
    /// <returns>The encoded prompt, and whether the text encoder was spared a call.</returns>
    /// <exception cref="OperationCanceledException">This caller is gone.</exception>
    public async Task<(TextEncoderServiceEncodeResponse Encoded, bool Cached)> GetAsync(
        EmbeddingKey key, Func<CallOptions, Task<TextEncoderServiceEncodeResponse>> encode, CallOptions options)
    {
        var deadline = options.Deadline ?? DateTime.MaxValue;
        while (true)
        {
            var (encoded, flight, cached) = FindOrStart(key, encode, deadline);
            if (flight is null)
                return (encoded!, cached);
            try
            {
                return (await flight.Answer.WaitAsync(options.CancellationToken), cached);
            }
            catch (RpcException failure) when (cached && flight.Deadline < deadline
                && failure.StatusCode is (StatusCode.Unavailable or StatusCode.DeadlineExceeded))
            {
                // It was for the first caller, whose time was up. This one has some left.
            }
            finally
            {
                Leave(key, flight);
            }
        }
    }

    private (TextEncoderServiceEncodeResponse? Encoded, Flight? Flight, bool Cached) FindOrStart(
        EmbeddingKey key, Func<CallOptions, Task<TextEncoderServiceEncodeResponse>> encode, DateTime deadline)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out var node))
            {
                _hits++;
                _byUse.Remove(node);
                _byUse.AddFirst(node);
                return (node.Value.Encoded, null, true);
            }

            if (_flights.TryGetValue(key, out var flight))
            {
                _hits++;
                flight.Callers++;
                return (null, flight, true);
            }

            _misses++;
            flight = new Flight(deadline);
            if (maxBytes > 0)
                _flights.Add(key, flight);
            var options = new CallOptions(deadline: deadline, cancellationToken: flight.Cancellation.Token);
            flight.Answer = Task.Run(() => FlyAsync(key, flight, () => encode(options)), CancellationToken.None);
            return (null, flight, false);
        }
    }

    private async Task<TextEncoderServiceEncodeResponse> FlyAsync(
        EmbeddingKey key, Flight flight, Func<Task<TextEncoderServiceEncodeResponse>> encode)
    {
        TextEncoderServiceEncodeResponse? encoded = null;
        try
        {
            return encoded = await encode();
        }
        finally
        {
            Land(key, flight, encoded);
        }
    }

    private void Land(EmbeddingKey key, Flight flight, TextEncoderServiceEncodeResponse? encoded)
    {
        lock (_lock)
        {
            if (!Forget(key, flight) || encoded is null)
                return;
            var entry = new Entry(key, encoded, BytesOf(key, encoded));
            if (entry.Bytes > maxBytes)
                return;
            _entries.Add(key, _byUse.AddFirst(entry));
            _bytes += entry.Bytes;
            while (_bytes > maxBytes)
                DropLast();
        }
    }

    /// <summary>One caller waits no longer. After the last one nobody is left to encode for.</summary>
    private void Leave(EmbeddingKey key, Flight flight)
    {
        lock (_lock)
        {
            if (--flight.Callers > 0)
                return;
            Forget(key, flight);
        }

        flight.Cancellation.Cancel();
        flight.Cancellation.Dispose();
    }

    /// <summary>Lets no more callers join.</summary>
    /// <returns>False where none could any more.</returns>
    private bool Forget(EmbeddingKey key, Flight flight) =>
        _flights.TryGetValue(key, out var known) && known == flight && _flights.Remove(key);

    private void DropLast()
    {
        var last = _byUse.Last!.Value;
        _byUse.RemoveLast();
        _entries.Remove(last.Key);
        _bytes -= last.Bytes;
    }

    private static long BytesOf(EmbeddingKey key, TextEncoderServiceEncodeResponse encoded) =>
        encoded.CalculateSize() + sizeof(char) * (long)(key.Prompt.Length + (key.T5Prompt?.Length ?? 0)) + EntryOverheadBytes;

    private sealed record Entry(EmbeddingKey Key, TextEncoderServiceEncodeResponse Encoded, long Bytes);

    /// <summary>A call of the text encoder under way, for several callers.</summary>
    /// <param name="deadline">That of the first of them.</param>
    private sealed class Flight(DateTime deadline)
    {
        public DateTime Deadline { get; } = deadline;

        public CancellationTokenSource Cancellation { get; } = new();

        /// <summary>Those that still wait for it.</summary>
        public int Callers { get; set; } = 1;

        public Task<TextEncoderServiceEncodeResponse> Answer { get; set; } = null!;
    }
}
