using System.Collections.Concurrent;
using System.Security.Cryptography;
using FluxGrpc.Channels;
using FluxGrpc.Tensors;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>Knows callers by the keys in a file, which is followed while it changes. Without a file everybody may call.</summary>
internal sealed partial class ApiKeys : IDisposable
{
    private const string Scheme = "Bearer ";
    private const string Reason = "INVALID_API_KEY";

    private static readonly byte[] _noHash = new byte[SHA256.HashSizeInBytes];

    private readonly FollowedFiles<IReadOnlyDictionary<string, Entry>>? _keys;
    private readonly ConcurrentDictionary<string, KeyLimits> _limits = new();
    private readonly TimeProvider _time;

    /// <param name="file">The file of keys; empty for none.</param>
    /// <param name="logger">Gets why a changed file is not used.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="InvalidDataException">The file cannot be used.</exception>
    public ApiKeys(string file, ILogger<ApiKeys> logger, TimeProvider time)
    {
        _time = time;
        if (file.Length > 0)
        {
            _keys = new FollowedFiles<IReadOnlyDictionary<string, Entry>>(
                [file], texts => Index(ApiKeyFile.Parse(texts[0])), problem => LogUnusedFile(logger, problem), time);
        }
    }

    /// <summary>Finds out who calls.</summary>
    /// <param name="authorization">The call's <c>authorization</c>: "Bearer flux_…".</param>
    /// <exception cref="RpcException">UNAUTHENTICATED: it has no key that counts.</exception>
    public Caller Identify(string? authorization)
    {
        if (_keys is null)
            return Caller.Anyone;
        if (string.IsNullOrEmpty(authorization))
        {
            throw RpcErrors.Unauthenticated(
                Reason, "An API key is needed; send it as 'authorization: Bearer KEY', in gRPC's metadata or HTTP's header");
        }

        var text = authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? authorization[Scheme.Length..].Trim() : "";
        var entry = ApiKeyText.TryGetId(text, out var id) ? _keys.Current.GetValueOrDefault(id) : null;
        if (!CryptographicOperations.FixedTimeEquals(ApiKeyText.Hash(text), entry?.Hash ?? _noHash) || entry is null)
            throw RpcErrors.Unauthenticated(Reason, "The API key is not right");

        var key = entry.Key; // What follows is told to its owner alone.
        if (key.Revoked is not null)
            throw RpcErrors.Unauthenticated(Reason, $"The API key '{key.Name}' was revoked");
        if (key.Expires <= _time.GetUtcNow())
            throw RpcErrors.Unauthenticated(Reason, $"The API key '{key.Name}' has expired");
        return new Caller(key, LimitsOf(key));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var limits in _limits.Values)
            limits.Dispose();
    }

    /// <summary>They outlive changes of the file that leave them as they are; what is in hand under old ones ends under those.</summary>
    private KeyLimits LimitsOf(ApiKey key) => _limits.AddOrUpdate(
        key.Id, _ => new KeyLimits(key), (_, known) => known.AreThoseOf(key) ? known : new KeyLimits(key));

    private static Dictionary<string, Entry> Index(IReadOnlyList<ApiKey> keys) =>
        keys.ToDictionary(key => key.Id, key => new Entry(key, Convert.FromHexString(key.Sha256)));

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}; the keys stay as they were")]
    private static partial void LogUnusedFile(ILogger logger, string problem);

    private sealed record Entry(ApiKey Key, byte[] Hash);
}
