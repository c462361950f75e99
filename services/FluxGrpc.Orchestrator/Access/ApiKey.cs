using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>What is kept of a caller's key: enough to know it again, not the key.</summary>
public sealed record ApiKey
{
    /// <summary>Name within the key itself, by which it is found; no secret.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is: for people.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the whole key, in hexadecimal digits; see <see cref="ApiKeyText.Hash"/>.</summary>
    public required string Sha256 { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>From when on it counts no more; null: never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>When it was revoked; null where it was not.</summary>
    public DateTimeOffset? Revoked { get; init; }

    /// <summary>Requests for pictures in a minute, on average; as many may come at once after a quiet minute. 0: no limit.</summary>
    public int RequestsPerMinute { get; init; } = 60;

    /// <summary>Requests for pictures in hand at once, waiting, running or detached. 0: no limit.</summary>
    public int MaxConcurrent { get; init; } = 4;

    /// <summary>Highest priority that it may ask for.</summary>
    public Priority Priority { get; init; } = Priority.Interactive;
}
