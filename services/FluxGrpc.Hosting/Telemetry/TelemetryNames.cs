using System.Diagnostics.Metrics;
using System.Numerics;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>What the services' measurements have in common: attributes, their values, the bounds of histograms.</summary>
public static class TelemetryNames
{
    /// <summary>All our sources of spans and metrics, with OpenTelemetry's wildcard.</summary>
    public const string AllSources = "FluxGrpc.*";

    /// <summary>Name of the replica that computes.</summary>
    public const string Replica = "flux.replica";

    /// <summary>Tokens of a step, rounded by <see cref="TokenClass"/>.</summary>
    public const string TokensUpTo = "flux.tokens.up_to";

    internal const string HostingMeter = "FluxGrpc.Hosting";

    /// <summary>Bounds in seconds for what takes from milliseconds to minutes.</summary>
    public static InstrumentAdvice<double> LongDurations { get; } = new()
    {
        HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
    };

    /// <summary>
    /// A number of tokens rounded up to a power of two: two dozen values at most, where each size of picture would be a time series of
    /// its own.
    /// </summary>
    public static long TokenClass(long tokens) => (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(tokens, 1));
}
