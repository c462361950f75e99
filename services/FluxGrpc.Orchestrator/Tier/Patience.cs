using Grpc.Core;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>How long work waits for a replica: until shortly before the caller's deadline, or for the configured time.</summary>
/// <param name="wait">The time where the caller has no deadline.</param>
/// <param name="time">The clock.</param>
internal sealed class Patience(TimeSpan wait, TimeProvider time)
{
    /// <summary>Longest time to sleep before looking again: timers have a limit, and a deadline may be years away.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    private const int MarginDivisor = 10;

    private static readonly TimeSpan _longestMargin = TimeSpan.FromSeconds(1);

    /// <summary>
    /// When a wait that begins now ends. Before the deadline itself, so that the caller still gets the status that says what
    /// was waited for.
    /// </summary>
    public DateTimeOffset EndOf(CallOptions options)
    {
        var now = time.GetUtcNow();
        if (options.Deadline is not { } deadline || deadline == DateTime.MaxValue)
            return now + wait;
        var left = new DateTimeOffset(deadline.ToUniversalTime()) - now;
        var margin = left / MarginDivisor < _longestMargin ? left / MarginDivisor : _longestMargin;
        return now + left - margin;
    }
}
