using FluxGrpc.Tensors;
using FluxGrpc.TextEncoder.Tokenization;
using FluxGrpc.V1;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace FluxGrpc.TextEncoder;

/// <summary>A request to encode that cannot be wrong any more.</summary>
internal sealed record EncodeInput
{
    /// <summary>T5's ids [L].</summary>
    public required IReadOnlyList<int> T5Ids { get; init; }

    /// <summary>CLIP's ids [S], the end token among them.</summary>
    public required IReadOnlyList<int> ClipIds { get; init; }

    /// <summary>FLOAT32 or BFLOAT16.</summary>
    public required DataType ReplyType { get; init; }

    /// <summary>How the prompt fared in T5's tokenizer; null where ids were sent.</summary>
    public TokenUsage? T5Usage { get; init; }

    /// <summary>How the prompt fared in CLIP's tokenizer; null where ids were sent.</summary>
    public TokenUsage? ClipUsage { get; init; }

    /// <summary>Checks a request and tokenizes its prompt.</summary>
    /// <param name="request">From outside.</param>
    /// <param name="model">Its limits and tokenizers.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT, or FAILED_PRECONDITION where the tokenizers do not serve.</exception>
    public static EncodeInput Parse(TextEncoderServiceEncodeRequest request, TextEncoderModel model)
    {
        var violations = new Violations();
        if (request.ReplyDataType is not (DataType.Unspecified or DataType.Float32 or DataType.Bfloat16))
            violations.Add("reply_data_type", $"is {DataTypes.Name(request.ReplyDataType)}; allowed: FLOAT32, BFLOAT16, or none");
        var replyType = request.ReplyDataType == DataType.Unspecified ? model.ComputeType : request.ReplyDataType;

        switch (request.SourceCase)
        {
            case TextEncoderServiceEncodeRequest.SourceOneofCase.Prompt:
                var prompt = new TokenizeRequest { Prompt = request.Prompt };
                if (request.HasT5Prompt)
                    prompt.T5Prompt = request.T5Prompt;
                if (request.HasMaxTokens)
                    prompt.MaxTokens = request.MaxTokens;
                CheckPrompt(prompt, model.Limits, violations);
                violations.ThrowIfAny();
                return FromPrompt(prompt, model, replyType);
            case TextEncoderServiceEncodeRequest.SourceOneofCase.TokenizedPrompt:
                CheckIds(request.TokenizedPrompt, model.Limits, violations);
                violations.ThrowIfAny();
                return new EncodeInput
                {
                    T5Ids = request.TokenizedPrompt.T5TokenIds,
                    ClipIds = request.TokenizedPrompt.ClipTokenIds,
                    ReplyType = replyType,
                };
            default:
                throw violations.Add("prompt", "is missing; required: prompt or tokenized_prompt").ToException();
        }
    }

    /// <summary>Checks a request's prompts and lengths and tokenizes them.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT, or FAILED_PRECONDITION where a tokenizer is missing.</exception>
    public static (TokenSequence T5, TokenSequence Clip) Tokenize(TokenizeRequest request, TextEncoderModel model)
    {
        var violations = new Violations();
        CheckPrompt(request, model.Limits, violations);
        violations.ThrowIfAny();
        return EncodePrompt(request, model);
    }

    /// <summary>How a prompt fared, as a message.</summary>
    public static TokenUsage Usage(TokenSequence tokens) => new()
    {
        TokenCount = tokens.TokenCount,
        Limit = tokens.Limit,
        Truncated = tokens.Truncated,
        DroppedText = tokens.DroppedText,
    };

    private static EncodeInput FromPrompt(TokenizeRequest prompt, TextEncoderModel model, DataType replyType)
    {
        var (t5, clip) = EncodePrompt(prompt, model);
        CheckVocabulary("T5", t5.Ids, model.Limits.T5VocabularySize);
        CheckVocabulary("CLIP", clip.Ids, model.Limits.ClipVocabularySize);
        return new EncodeInput
        {
            T5Ids = t5.Ids,
            ClipIds = clip.Ids,
            ReplyType = replyType,
            T5Usage = Usage(t5),
            ClipUsage = Usage(clip),
        };
    }

    private static (TokenSequence T5, TokenSequence Clip) EncodePrompt(TokenizeRequest request, TextEncoderModel model) =>
        model.Tokenizers.Encode(request.Prompt, request.HasT5Prompt ? request.T5Prompt : null,
            request.HasMaxTokens ? request.MaxTokens : model.Limits.MaxTokens, model.Limits.MaxClipTokens);

    private static void CheckPrompt(TokenizeRequest request, TextEncoderLimits limits, Violations violations)
    {
        CheckLength("prompt", request.Prompt, limits.MaxPromptLength, violations);
        CheckLength("t5_prompt", request.T5Prompt, limits.MaxPromptLength, violations);
        if (request.HasMaxTokens)
            violations.CheckRange("max_tokens", request.MaxTokens, 2, limits.MaxTokens);
    }

    private static void CheckLength(string field, string prompt, int most, Violations violations)
    {
        if (prompt.Length > most)
            violations.Add(field, $"has {prompt.Length} characters; allowed: at most {most}");
    }

    private static void CheckIds(TokenizedPrompt prompt, TextEncoderLimits limits, Violations violations)
    {
        CheckSequence("tokenized_prompt.t5_token_ids", prompt.T5TokenIds, limits.MaxTokens, limits.T5VocabularySize, violations);
        const string ClipField = "tokenized_prompt.clip_token_ids";
        CheckSequence(ClipField, prompt.ClipTokenIds, limits.MaxClipTokens, limits.ClipVocabularySize, violations);
        if (prompt.ClipTokenIds.Count > 0 && !prompt.ClipTokenIds.Contains(limits.ClipEndId))
            violations.Add(ClipField, $"lacks the end token {limits.ClipEndId}; required");
    }

    private static void CheckSequence(string field, RepeatedField<int> ids, int most, int vocabularySize, Violations violations)
    {
        if (ids.Count < 1 || ids.Count > most)
            violations.Add(field, $"has {ids.Count} ids; allowed: 1 to {most}");
        foreach (var (index, id) in ids.Index().Where(id => id.Item < 0 || id.Item >= vocabularySize).Take(1))
            violations.Add($"{field}[{index}]", $"is {id}; allowed: 0 to {vocabularySize - 1}");
    }

    private static void CheckVocabulary(string name, IReadOnlyList<int> ids, int vocabularySize)
    {
        if (ids.Max() is var largest && largest >= vocabularySize)
        {
            throw RpcErrors.FailedPrecondition("VOCABULARY_MISMATCH", "prompt",
                $"{name}'s tokenizer gives the id {largest}, but its model has a vocabulary of {vocabularySize}; send tokenized_prompt");
        }
    }
}
