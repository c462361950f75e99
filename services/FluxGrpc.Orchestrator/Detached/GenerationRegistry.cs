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
    /// <param name="request">The request.</param>
    /// <param name="owner">Who asks: the id of a key, or empty.</param>
    /// <returns>Null where the request's name is new.</returns>
    /// <exception cref="RpcException">ALREADY_EXISTS: the name belongs to another request.</exception>
    public DetachedGeneration? Find(GenerateRequest request, string owner = "")
    {
        lock (_lock)
            return FindLocked(request, owner);
    }

    /// <summary>Takes in a generation that needs its caller.</summary>
    /// <param name="id">Its name.</param>
    /// <param name="owner">Whose it is: the id of a key, or empty.</param>
    /// <exception cref="RpcException">ALREADY_EXISTS: the name belongs to another request.</exception>
    public GenerationInHand Add(string id, string owner = "")
    {
        lock (_lock)
        {
            if (_byId.TryGetValue(id, out var known))
                throw Taken(known);
            var generation = new GenerationInHand(id, owner);
            _byId.Add(id, generation);
            return generation;
        }
    }

    /// <summary>Takes in a detached generation, or finds the one that is asked for again.</summary>
    /// <param name="request">What is asked for; it has a name.</param>
    /// <param name="mostEventBytes">The most that its events will take.</param>
    /// <param name="owner">Whose it is: the id of a key, or empty.</param>
    /// <returns>The generation, and whether it is new.</returns>
    /// <exception cref="RpcException">ALREADY_EXISTS, or RESOURCE_EXHAUSTED: too many go on.</exception>
    public (DetachedGeneration Generation, bool IsNew) AddDetached(
        GenerateRequest request, long mostEventBytes, string owner = "")
    {
        lock (_lock)
        {
            if (FindLocked(request, owner) is { } known)
                return (known, false);
            var generation = new DetachedGeneration(request, mostEventBytes, owner);
            MakeRoom(generation.Bytes);
            _byId.Add(generation.Id, generation);
            _detachedBytes += generation.Bytes;
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

            _detachedBytes -= generation.Bytes;
            generation.Ended = _time.GetTimestamp();
            _detachedBytes += generation.Bytes;
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
    /// <param name="id">Its name.</param>
    /// <param name="owner">Who asks: the id of a key, or empty.</param>
    /// <returns>False where no generation of that owner has that name.</returns>
    public bool Cancel(string id, string owner = "")
    {
        GenerationInHand? generation;
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out generation) || generation.Owner != owner)
                return false;
            if (generation is DetachedGeneration { Ended: not null })
                RemoveLocked(generation);
        }

        generation.Stop(RpcErrors.Cancelled("GENERATION_CANCELLED", $"Request '{id}' was cancelled by CancelGeneration"));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _expiry.Dispose();

    private DetachedGeneration? FindLocked(GenerateRequest request, string owner)
    {
        if (!_byId.TryGetValue(request.RequestId, out var known))
            return null;
        return known is DetachedGeneration detached && detached.Owner == owner && detached.Request.Equals(request)
            ? detached
            : throw Taken(known);
    }

    private static RpcException Taken(GenerationInHand known) =>
        RpcErrors.AlreadyExists("REQUEST_ID_IN_USE", known is DetachedGeneration
            ? $"request_id '{known.Id}' belongs to another request; the same one, field by field, would find it again"
            : $"request_id '{known.Id}' belongs to a request in hand that is not detached");

    /// <summary>Drops those that ended first, as many as it takes; none where all of them would not be enough.</summary>
    private void MakeRoom(long bytes)
    {
        if (_detached < _limits.Count && _detachedBytes + bytes <= _limits.Bytes)
            return;
        var (working, workingBytes) = (_detached - _ended.Count, _detachedBytes - _ended.Sum(generation => generation.Bytes));
        if (working >= _limits.Count)
        {
            throw RpcErrors.ResourceExhausted(
                "TOO_MANY_DETACHED", $"{working} detached generations go on; allowed: {_limits.Count}", _retryDelay);
        }

        if (workingBytes + bytes > _limits.Bytes)
        {
            throw RpcErrors.ResourceExhausted("TOO_MANY_DETACHED", FormattableString.Invariant(
                $"Detached generations have {workingBytes} bytes set aside, the request needs {bytes}; allowed: {_limits.Bytes}"),
                _retryDelay);
        }

        while (_detached >= _limits.Count || _detachedBytes + bytes > _limits.Bytes)
            RemoveLocked(_ended.First!.Value);
    }

    private void RemoveLocked(GenerationInHand generation)
    {
        if (!_byId.TryGetValue(generation.Id, out var known) || known != generation)
            return;
        _byId.Remove(generation.Id);
        if (generation is not DetachedGeneration detached)
            return;
        _ended.Remove(detached);
        _detachedBytes -= detached.Bytes;
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
