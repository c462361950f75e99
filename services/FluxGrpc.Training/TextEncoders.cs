using FluxGrpc.TextEncoder.Model;
using FluxGrpc.TextEncoder.Tokenization;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>A batch of prompts as token ids.</summary>
/// <param name="T5">[B, L], int64.</param>
/// <param name="Clip">[B, L + 2], int64.</param>
internal readonly record struct PromptTokens(Tensor T5, Tensor Clip);

/// <summary>Both text encoders with their tokenizers.</summary>
internal sealed class TextEncoders : IDisposable
{
    // CLIP's attention is causal: what follows the end token does not change the vector taken there.
    private const int ClipTokens = MiniModel.TextTokens + 2;

    private readonly T5Tokenizer _t5Tokenizer;
    private readonly ClipTokenizer _clipTokenizer;
    private readonly Device _device;

    /// <param name="t5Folder">Folder of <c>spiece.model</c>.</param>
    /// <param name="clipFolder">Folder of <c>vocab.json</c> and <c>merges.txt</c>.</param>
    /// <param name="device">Where to compute.</param>
    public TextEncoders(string t5Folder, string clipFolder, Device device)
    {
        _device = device;
        _t5Tokenizer = T5Tokenizer.Load(t5Folder);
        _clipTokenizer = ClipTokenizer.Load(clipFolder);
        T5Config = MiniModel.T5(_t5Tokenizer.VocabularySize);
        ClipConfig = MiniModel.Clip(_clipTokenizer.VocabularySize, _clipTokenizer.EndId);
        T5 = new T5Encoder(T5Config, device);
        Clip = new ClipTextModel(ClipConfig, device);
    }

    public T5Config T5Config { get; }

    public ClipConfig ClipConfig { get; }

    public T5Encoder T5 { get; }

    public ClipTextModel Clip { get; }

    /// <summary>Turns prompts into ids as the services do: T5 padded to its full length.</summary>
    public PromptTokens Tokenize(IReadOnlyList<string> prompts) => new(
        Ids(prompts.Select(prompt => _t5Tokenizer.Encode(prompt, MiniModel.TextTokens)), MiniModel.TextTokens),
        Ids(prompts.Select(prompt => _clipTokenizer.Encode(prompt, ClipTokens)), ClipTokens));

    /// <summary>The word that each of a prompt's T5 tokens belongs to, counted by the spaces before it; no end, no padding.</summary>
    public IReadOnlyList<int> WordsOfTokens(string prompt)
    {
        const char WordStart = '\u2581';
        var words = new List<int>();
        foreach (var piece in _t5Tokenizer.Encode(prompt, MiniModel.TextTokens).Pieces.SkipLast(1))
            words.Add((words.Count == 0 ? -1 : words[^1]) + (piece.StartsWith(WordStart) ? 1 : 0));
        return words;
    }

    /// <summary>T5's hidden states [B, L, C] and CLIP's vector [B, P].</summary>
    public (Tensor HiddenStates, Tensor Pooled) Encode(PromptTokens tokens)
    {
        var (hidden, pooled) = Clip.call(tokens.Clip);
        hidden.Dispose();
        return (T5.call(tokens.T5), pooled);
    }

    public void Dispose()
    {
        T5.Dispose();
        Clip.Dispose();
    }

    private Tensor Ids(IEnumerable<TokenSequence> sequences, int length)
    {
        var ids = sequences.SelectMany(sequence => sequence.Ids.Select(id => (long)id)).ToArray();
        return tensor(ids, [ids.Length / length, length], dtype: ScalarType.Int64).to(_device);
    }
}
