namespace FluxGrpc.Denoiser.Batching;

/// <summary>How large a forward pass may be, and how long it may wait to become so.</summary>
/// <param name="MaxSize">Largest number of steps.</param>
/// <param name="MaxTokens">Largest number of tokens, which bounds the memory; a step alone may have more.</param>
/// <param name="Wait">How long a step waits for the steps of other sessions where the device is free.</param>
internal sealed record BatchLimits(int MaxSize, long MaxTokens, TimeSpan Wait)
{
    /// <summary>
    /// The limits that the options set. Where a session's bytes are to be independent of its batch mates', and the model cannot compute
    /// so, it has none.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The model, or null while it is loading.</param>
    public static BatchLimits Of(DenoiserOptions options, DenoiserModel? model) => new(
        options.BatchInvariant && model?.IsBatchInvariant != true ? 1 : options.MaxBatchSize,
        options.MaxBatchTokens,
        TimeSpan.FromMilliseconds(options.BatchWaitMilliseconds));

    /// <summary>Largest number of steps with a key in one pass, at least 1.</summary>
    public int SizeFor(BatchKey key) => (int)Math.Clamp(MaxTokens / key.Tokens, 1, MaxSize);
}
