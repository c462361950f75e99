namespace FluxGrpc.TextEncoder;

/// <summary>What the loaded models and the options allow in a request.</summary>
/// <param name="MaxPromptLength">Longest prompt in UTF-16 code units.</param>
/// <param name="MaxTokens">Largest and default T5 length.</param>
/// <param name="MaxClipTokens">Largest CLIP length.</param>
/// <param name="T5VocabularySize">T5's ids are below this.</param>
/// <param name="ClipVocabularySize">CLIP's ids are below this.</param>
/// <param name="ClipEndId">CLIP's end token, at which the pooled vector is taken.</param>
internal sealed record TextEncoderLimits(
    int MaxPromptLength, int MaxTokens, int MaxClipTokens, int T5VocabularySize, int ClipVocabularySize, int ClipEndId);
