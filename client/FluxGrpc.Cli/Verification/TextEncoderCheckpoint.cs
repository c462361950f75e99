using FluxGrpc.LocalCluster;

namespace FluxGrpc.Cli.Verification;

/// <summary>Checkpoints for the text encoder.</summary>
internal static class TextEncoderCheckpoint
{
    /// <summary>Adds a reference folder's two text encoders.</summary>
    public static TemporaryCheckpoint AddTextEncoders(
        this TemporaryCheckpoint checkpoint, ReferenceFolder folder, string t5, string clip) =>
        checkpoint.AddModel("text_encoder", folder.ConfigOf(clip), folder.PathOf($"{clip}.safetensors"))
            .AddModel("text_encoder_2", folder.ConfigOf(t5), folder.PathOf($"{t5}.safetensors"));

    /// <summary>Adds the mini model's two text encoders, for what does not depend on them.</summary>
    public static TemporaryCheckpoint AddMiniTextEncoders(this TemporaryCheckpoint checkpoint)
    {
        foreach (var component in new[] { "text_encoder", "text_encoder_2" })
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(EmbeddedCheckpoint.Folder, component)))
                checkpoint.AddLink(component, Path.GetFileName(file), file);
        }

        return checkpoint;
    }

    /// <summary>Adds CLIP's tokenizer and one of T5's.</summary>
    /// <param name="checkpoint">What they are added to.</param>
    /// <param name="folder">Has <c>tokenizers/</c>.</param>
    /// <param name="t5File">A SentencePiece model, or a <c>tokenizer.json</c>.</param>
    public static TemporaryCheckpoint AddTokenizers(this TemporaryCheckpoint checkpoint, ReferenceFolder folder, string t5File)
    {
        var isSentencePiece = Path.GetExtension(t5File) == ".model";
        return checkpoint.AddLink("tokenizer", "vocab.json", folder.PathOf("tokenizers/vocab.json"))
            .AddLink("tokenizer", "merges.txt", folder.PathOf("tokenizers/merges.txt"))
            .AddLink("tokenizer_2", isSentencePiece ? "spiece.model" : "tokenizer.json", t5File);
    }
}
