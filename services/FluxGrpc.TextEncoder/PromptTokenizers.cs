using FluxGrpc.Checkpoints;
using FluxGrpc.Tensors;
using FluxGrpc.TextEncoder.Tokenization;
using Grpc.Core;

namespace FluxGrpc.TextEncoder;

/// <summary>The tokenizers of the two models; a checkpoint may lack them.</summary>
/// <param name="T5">T5's, or null.</param>
/// <param name="Clip">CLIP's, or null.</param>
internal sealed record PromptTokenizers(T5Tokenizer? T5, ClipTokenizer? Clip)
{
    /// <summary>Loads those that the options name, else those that lie beside the weights or in the model's folder.</summary>
    /// <exception cref="InvalidDataException">One is broken.</exception>
    /// <exception cref="IOException">One is not readable.</exception>
    public static PromptTokenizers Load(TextEncoderOptions options, Checkpoint t5, Checkpoint clip)
    {
        var t5Path = options.T5Tokenizer.Length > 0 ? options.T5Tokenizer : Find("tokenizer_2", options, t5);
        var clipPath = options.ClipTokenizer.Length > 0 ? options.ClipTokenizer : Find("tokenizer", options, clip);
        return new PromptTokenizers(
            t5Path is null ? null : T5Tokenizer.Load(t5Path),
            clipPath is null ? null : ClipTokenizer.Load(clipPath));
    }

    /// <summary>Tokenizes a prompt for both models.</summary>
    /// <param name="prompt">For CLIP, and for T5 where it has none of its own.</param>
    /// <param name="t5Prompt">For T5 alone, or null.</param>
    /// <param name="t5Length">Length to cut or pad T5's ids to.</param>
    /// <param name="clipLength">Length to cut or pad CLIP's ids to.</param>
    /// <exception cref="RpcException">FAILED_PRECONDITION: a tokenizer is missing.</exception>
    public (TokenSequence T5, TokenSequence Clip) Encode(string prompt, string? t5Prompt, int t5Length, int clipLength)
    {
        if (T5 is null)
            throw Missing("T5", "tokenizer_2/ with spiece.model or tokenizer.json");
        if (Clip is null)
            throw Missing("CLIP", "tokenizer/ with vocab.json and merges.txt");
        return (T5.Encode(t5Prompt ?? prompt, t5Length), Clip.Encode(prompt, clipLength));
    }

    /// <summary>Compares the tokenizers' ids with the models' vocabularies.</summary>
    /// <param name="t5Size">Size of T5's vocabulary.</param>
    /// <param name="clipSize">Size of CLIP's vocabulary.</param>
    /// <param name="report">Takes what does not fit; null to refuse it.</param>
    /// <exception cref="InvalidDataException">A tokenizer does not fit its model and <paramref name="report"/> is null.</exception>
    public void CheckVocabularies(int t5Size, int clipSize, Action<string>? report)
    {
        foreach (var (name, ids, size) in ((string, int, int)[])
            [("T5", T5?.VocabularySize ?? 0, t5Size), ("CLIP", Clip?.VocabularySize ?? 0, clipSize)])
        {
            if (ids <= size)
                continue;
            var problem = $"{name}'s tokenizer has ids up to {ids - 1}, but its model has a vocabulary of {size}";
            if (report is null)
                throw new InvalidDataException($"{problem}; they do not belong together (AllowVocabularyMismatch serves them anyway)");
            report(problem);
        }
    }

    private static string? Find(string folder, TextEncoderOptions options, Checkpoint checkpoint)
    {
        var inModel = Path.Combine(options.Checkpoint, folder);
        return options.Checkpoint.Length > 0 && Directory.Exists(inModel) ? inModel : checkpoint.FindFolder(folder);
    }

    private static RpcException Missing(string model, string files) => RpcErrors.FailedPrecondition("NO_TOKENIZER", "prompt",
        $"The checkpoint has no tokenizer for {model} ({files}); send tokenized_prompt");
}
