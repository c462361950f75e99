using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>
/// Knows the generations in hand by name, and keeps detached ones for a while after their end: so many, so many bytes, so long.
/// Where there is no room, those that ended first are dropped first.
/// </summary>
internal sealed class GenerationRegistry : IDisposable
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(10);

    private readonly DetachedLimits _limits;
    private readonly TimeProvider _time;
    private readonly ITimer _expiry;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, GenerationInHand> _byId = [];
    private readonly LinkedList<DetachedGeneration> _ended = new(); // The one that ended first comes first.
    private long _detachedBytes;
    private int _detached;

    public GenerationRegistry(DetachedLimits limits, TimeProvider time)
    {
        _limits = limits;
        _time = time;
        _expiry = time.CreateTimer(_ => DropExpired(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Detached generations that no caller is reading.</summary>
    public int WithoutCaller
    {
        get
        {
            lock (_lock)
                return _byId.Values.OfType<DetachedGeneration>().Count(generation => generation.Callers == 0);
        }
    }

    /// <summary>Detached generations whose work goes on.</summary>
    public IReadOnlyList<DetachedGeneration> Working
    {
        get
        {
            lock (_lock)
                return [.. _byId.Values.OfType<DetachedGeneration>().Where(generation => generation.Ended is null)];
        }
    }

    /// <summary>Finds the detached generation that a request asks for again.</summary>
    /// <returns>Null where the request's name is new.</returns>
    /// <exception cref="RpcException">ALREADY_EXISTS: the name belongs to another request.</exception>
    public DetachedGeneration? Find(GenerateRequest request)
    {
        lock (_lock)
            return FindLocked(request.RequestId, request);
    }

    /// <summary>Takes in a generation that needs its caller.</summary>
    /// <param name="id">Its name.</param>
    /// <param name="request">What is asked for.</param>
    /// <exception cref="RpcException">ALREADY_EXISTS: the name belongs to another request.</exception>
    public GenerationInHand Add(string id, GenerateRequest request)
    {
        lock (_lock)
        {
            FindLocked(id, request);
            var generation = new GenerationInHand(id, request);
            _byId.Add(id, generation);
            return generation;
        }
    }

    /// <summary>Takes in a detached generation, or finds the one that is asked for again.</summary>
    /// <param name="request">What is asked for; it has a name.</param>
    /// <param name="mostBytes">The most that its events will take.</param>
    /// <returns>The generation, and whether it is new.</returns>
    /// <exception cref="RpcException">ALREADY_EXISTS, or RESOURCE_EXHAUSTED: too many go on.</exception>
    public (DetachedGeneration Generation, bool IsNew) AddDetached(GenerateRequest request, long mostBytes)
    {
        lock (_lock)
        {
            if (FindLocked(request.RequestId, request) is { } known)
                return (known, false);
            MakeRoom(mostBytes);
            var generation = new DetachedGeneration(request.RequestId, request, mostBytes);
            _byId.Add(generation.Id, generation);
            _detachedBytes += mostBytes;
            _detached++;
            return (generation, true);
        }
    }

    /// <summary>Takes note of a detached generation's end; one that was stopped is dropped at once.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="failure">What it failed with; null for a good end.</param>
    public void End(DetachedGeneration generation, Exception? failure)
    {
        generation.Log.End(failure);
        lock (_lock)
        {
            if (generation.StopReason is not null)
            {
                RemoveLocked(generation);
                return;
            }

            _detachedBytes += generation.Log.Bytes - generation.ReservedBytes;
            generation.ReservedBytes = generation.Log.Bytes;
            generation.Ended = _time.GetTimestamp();
            _ended.AddLast(generation);
            if (_ended.Count == 1)
                _expiry.Change(_limits.KeptFor, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Forgets a generation.</summary>
    public void Remove(GenerationInHand generation)
    {
        lock (_lock)
            RemoveLocked(generation);
    }

    /// <summary>Stops a generation, or forgets one that has ended.</summary>
    /// <returns>False where no generation has that name.</returns>
    public bool Cancel(string id)
    {
        GenerationInHand? generation;
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out generation))
                return false;
            if (generation is DetachedGeneration { Ended: not null })
                RemoveLocked(generation);
        }

        generation.Stop(RpcErrors.Cancelled("GENERATION_CANCELLED", $"Request '{id}' was cancelled by CancelGeneration"));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _expiry.Dispose();

    private DetachedGeneration? FindLocked(string id, GenerateRequest request)
    {
        if (!_byId.TryGetValue(id, out var known))
            return null;
        if (known is DetachedGeneration detached && detached.Request.Equals(request))
            return detached;
        throw RpcErrors.AlreadyExists("REQUEST_ID_IN_USE", known is DetachedGeneration
            ? $"request_id '{id}' belongs to another request; the same one, field by field, would find it again"
            : $"request_id '{id}' belongs to a request in hand that is not detached");
    }

    private void MakeRoom(long bytes)
    {
        while ((_detached >= _limits.Count || _detachedBytes + bytes > _limits.Bytes) && _ended.First is { } first)
            RemoveLocked(first.Value);
        if (_detached >= _limits.Count)
        {
            throw RpcErrors.ResourceExhausted(
                "TOO_MANY_DETACHED", $"{_detached} detached generations go on; allowed: {_limits.Count}", _retryDelay);
        }

        if (_detachedBytes + bytes > _limits.Bytes)
        {
            throw RpcErrors.ResourceExhausted("TOO_MANY_DETACHED", FormattableString.Invariant(
                $"Detached generations have {_detachedBytes} bytes set aside, the request needs {bytes}; allowed: {_limits.Bytes}"),
                _retryDelay);
        }
    }

    private void RemoveLocked(GenerationInHand generation)
    {
        if (!_byId.TryGetValue(generation.Id, out var known) || known != generation)
            return;
        _byId.Remove(generation.Id);
        if (generation is not DetachedGeneration detached)
            return;
        _ended.Remove(detached);
        _detachedBytes -= detached.ReservedBytes;
        _detached--;
    }

    private void DropExpired()
    {
        lock (_lock)
        {
            while (_ended.First?.Value is { Ended: { } ended } first)
            {
                var left = _limits.KeptFor - _time.GetElapsedTime(ended);
                if (left > TimeSpan.Zero)
                {
                    _expiry.Change(left, Timeout.InfiniteTimeSpan);
                    return;
                }

                RemoveLocked(first);
            }
        }
    }
}
