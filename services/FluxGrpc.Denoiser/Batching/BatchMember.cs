using System.Diagnostics;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.V1;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>An open session as the scheduler sees it.</summary>
/// <param name="key">With whose steps its own can run.</param>
/// <param name="priority">Interactive or batch.</param>
/// <param name="conditioning">On the device; must live until the session has left and its step is done.</param>
internal sealed class BatchMember(BatchKey key, Priority priority, Conditioning conditioning)
{
    /// <summary>With whose steps its own can run.</summary>
    public BatchKey Key { get; } = key;

    /// <summary>Interactive or batch.</summary>
    public Priority Priority { get; } = priority;

    /// <summary>What stays the same over the steps.</summary>
    public Conditioning Conditioning { get; } = conditioning;

    /// <summary>What its steps may take over from one another, or null. Disposed with the conditioning.</summary>
    public FirstBlockCache? Cache { get; init; }

    /// <summary>The session's span, which the spans of its passes refer to.</summary>
    public ActivityContext Trace { get; init; }

    /// <summary>Order in which the sessions came; set by <see cref="StepQueue"/>.</summary>
    public long Number { get; set; }

    /// <summary>
    /// Since when the caller has had what it needs for its next step; null where its step waits or runs, or where none is
    /// expected. Set by <see cref="StepQueue"/>.
    /// </summary>
    public TimeSpan? ExpectedSince { get; set; }
}
