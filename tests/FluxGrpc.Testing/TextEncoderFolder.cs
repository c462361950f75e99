using System.Text.Json;
using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;

namespace FluxGrpc.Testing;

/// <summary>The small text encoders of the golden data as a Hugging Face folder, in a temporary place that a test may change.</summary>
public sealed class TextEncoderFolder : IDisposable
{
    private static readonly string _tokenizers = GoldenFolder.PathOf("tokenizers");

    /// <summary>Lays out both models, without tokenizers.</summary>
    public TextEncoderFolder()
    {
        Path = Directory.CreateTempSubdirectory("flux-text-").FullName;
        AddModel("text_encoder", "clip");
        AddModel("text_encoder_2", "t5");
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Path of CLIP's folder.</summary>
    public string Clip => PathOf("text_encoder");

    /// <summary>Path of T5's folder.</summary>
    public string T5 => PathOf("text_encoder_2");

    /// <summary>Path of CLIP's tokenizer.</summary>
    public string ClipTokenizer => PathOf("tokenizer");

    /// <summary>Path of T5's tokenizer.</summary>
    public string T5Tokenizer => PathOf("tokenizer_2");

    /// <summary>Path of something in the folder.</summary>
    public string PathOf(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Adds both tokenizers; their vocabularies are larger than the models'.</summary>
    /// <param name="t5FromJson">T5's as <c>tokenizer.json</c> alone rather than as <c>spiece.model</c>.</param>
    public TextEncoderFolder WithTokenizers(bool t5FromJson = false)
    {
        Copy(System.IO.Path.Combine(_tokenizers, "vocab.json"), ClipTokenizer, "vocab.json");
        Copy(System.IO.Path.Combine(_tokenizers, "merges.txt"), ClipTokenizer, "merges.txt");
        var (source, target) = t5FromJson ? ("t5_small_tokenizer.json", "tokenizer.json") : ("spiece_small.model", "spiece.model");
        Copy(System.IO.Path.Combine(_tokenizers, source), T5Tokenizer, target);
        return this;
    }

    /// <summary>Adds tokenizers cut down to the models' vocabularies, so that prompts can be encoded: single letters for CLIP.</summary>
    public TextEncoderFolder WithFittingTokenizers()
    {
        const int ClipStart = 510;
        const int T5Size = 256;
        var vocabulary = Read("vocab.json").Where(entry => (int)entry.Value! < ClipStart)
            .Append(new("<|startoftext|>", ClipStart)).Append(new("<|endoftext|>", ClipStart + 1))
            .ToDictionary(entry => entry.Key, entry => (int)entry.Value!);
        Directory.CreateDirectory(ClipTokenizer);
        File.WriteAllText(PathOf("tokenizer", "vocab.json"), JsonSerializer.Serialize(vocabulary));
        File.WriteAllText(PathOf("tokenizer", "merges.txt"), "#version: 0.2\n");

        var t5 = Read("t5_small_tokenizer.json");
        var pieces = t5["model"]!["vocab"]!.AsArray();
        pieces.RemoveRange(T5Size, pieces.Count - T5Size);
        Directory.CreateDirectory(T5Tokenizer);
        File.WriteAllText(PathOf("tokenizer_2", "tokenizer.json"), t5.ToJsonString());
        return this;
    }

    /// <summary>Changes a model's <c>config.json</c>.</summary>
    public void EditConfig(string folder, Action<JsonObject> edit)
    {
        var path = PathOf(folder, ComponentConfig.FileName);
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(config);
        File.WriteAllText(path, config.ToJsonString());
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static JsonObject Read(string tokenizerFile) =>
        JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(_tokenizers, tokenizerFile)))!.AsObject();

    private void AddModel(string folder, string golden)
    {
        Copy(GoldenFolder.PathOf($"{golden}.safetensors"), PathOf(folder), "model.safetensors");
        File.WriteAllText(PathOf(folder, ComponentConfig.FileName), GoldenFolder.Config(golden).GetRawText());
    }

    private static void Copy(string source, string folder, string name)
    {
        Directory.CreateDirectory(folder);
        File.Copy(source, System.IO.Path.Combine(folder, name));
    }
}
