namespace FluxGrpc.Denoiser.Batching;

/// <summary>How large a forward pass may be, and how long it may wait to become so.</summary>
/// <param name="MaxSize">Largest number of steps.</param>
/// <param name="MaxTokens">Largest number of tokens, which bounds the memory; a step alone may have more.</param>
/// <param name="Wait">How long a step waits for the steps of other sessions where the device is free.</param>
internal sealed record BatchLimits(int MaxSize, long MaxTokens, TimeSpan Wait)
{
    /// <summary>
    /// The limits that the options set. A session's bytes are independent of its batch mates' where it has none: libtorch chooses
    /// its kernels by the sizes of the matrices, and other kernels round otherwise.
    /// </summary>
    public static BatchLimits Of(DenoiserOptions options) => new(
        options.BatchInvariant ? 1 : options.MaxBatchSize,
        options.MaxBatchTokens,
        TimeSpan.FromMilliseconds(options.BatchWaitMilliseconds));

    /// <summary>Largest number of steps with a key in one pass, at least 1.</summary>
    public int SizeFor(BatchKey key) => (int)Math.Clamp(MaxTokens / key.Tokens, 1, MaxSize);
}
