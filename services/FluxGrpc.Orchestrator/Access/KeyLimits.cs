using System.Threading.RateLimiting;
using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>How much a key's callers may ask for, all together.</summary>
internal sealed class KeyLimits : IDisposable
{
    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private readonly ApiKey _key;
    private readonly TokenBucketRateLimiter? _rate;
    private readonly ConcurrencyLimiter? _places;

    public KeyLimits(ApiKey key)
    {
        _key = key;
        if (key.RequestsPerMinute > 0)
        {
            _rate = new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
            {
                TokenLimit = key.RequestsPerMinute,
                TokensPerPeriod = 1,
                ReplenishmentPeriod = _minute / key.RequestsPerMinute,
                AutoReplenishment = false, // At each request, which needs no timer.
            });
        }

        if (key.MaxConcurrent > 0)
            _places = new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = key.MaxConcurrent });
    }

    /// <summary>True where they are those of a key's entry.</summary>
    public bool AreThoseOf(ApiKey key) =>
        key.RequestsPerMinute == _key.RequestsPerMinute && key.MaxConcurrent == _key.MaxConcurrent;

    /// <summary>Counts a request against the rate.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: there were too many.</exception>
    public void Count()
    {
        if (_rate is null)
            return;
        _rate.TryReplenish();
        using var lease = _rate.AttemptAcquire();
        if (!lease.IsAcquired)
        {
            throw RpcErrors.ResourceExhausted("RATE_LIMIT_EXCEEDED",
                $"This API key may make {_key.RequestsPerMinute} requests a minute",
                lease.TryGetMetadata(MetadataName.RetryAfter, out var delay) && delay > TimeSpan.Zero ? delay : _retryDelay);
        }
    }

    /// <summary>Takes a place among the requests in hand; it is free again when the result is disposed.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: all are taken, or there were too many requests.</exception>
    public IDisposable Enter()
    {
        var place = _places?.AttemptAcquire();
        if (place is { IsAcquired: false })
        {
            throw RpcErrors.ResourceExhausted("CONCURRENCY_LIMIT_EXCEEDED",
                $"This API key may have {_key.MaxConcurrent} requests in hand at once", _retryDelay);
        }

        try
        {
            Count();
            return place ?? (IDisposable)NoPlace.Instance;
        }
        catch
        {
            place?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rate?.Dispose();
        _places?.Dispose();
    }

    private sealed class NoPlace : IDisposable
    {
        public static NoPlace Instance { get; } = new();

        public void Dispose()
        {
        }
    }
}
