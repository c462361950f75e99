namespace FluxGrpc.Orchestrator.Conditioning;

/// <summary>All that the encoding of a prompt depends on.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="T5Prompt">Text for T5 alone, or null.</param>
/// <param name="MaxTokens">T5 length L.</param>
/// <param name="Fingerprint">The text encoder's fingerprint, which stands for its weights, tokenizers and compute type.</param>
internal sealed record EmbeddingKey(string Prompt, string? T5Prompt, int MaxTokens, string Fingerprint);
