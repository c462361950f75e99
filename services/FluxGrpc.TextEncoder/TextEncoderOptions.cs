using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting;

namespace FluxGrpc.TextEncoder;

/// <summary>What the text encoder service can be told.</summary>
public sealed class TextEncoderOptions : ModelServiceOptions
{
    /// <summary>Options with the service's own address.</summary>
    public TextEncoderOptions() => Address = "http://127.0.0.1:5001";

    /// <summary>CLIP's weights, where they are not in <see cref="ModelServiceOptions.Checkpoint"/>.</summary>
    [Description("CLIP's weights (folder or .safetensors file), where they are not in the checkpoint.")]
    public string ClipCheckpoint { get; set; } = "";

    /// <summary>T5's weights, where they are not in <see cref="ModelServiceOptions.Checkpoint"/>.</summary>
    [Description("T5's weights (folder or .safetensors file), where they are not in the checkpoint.")]
    public string T5Checkpoint { get; set; } = "";

    /// <summary>Folder of CLIP's tokenizer, where it is not beside the weights.</summary>
    [Description("Folder with CLIP's vocab.json and merges.txt, where it is not tokenizer/ in the checkpoint.")]
    public string ClipTokenizer { get; set; } = "";

    /// <summary>T5's tokenizer, where it is not beside the weights.</summary>
    [Description("T5's spiece.model or tokenizer.json, or their folder, where it is not tokenizer_2/ in the checkpoint.")]
    public string T5Tokenizer { get; set; } = "";

    /// <summary>What linear layers hold their weights in.</summary>
    [Required]
    [AllowedValues("stored", "compute", "float8", ErrorMessage = "WeightDtype must be stored, compute or float8")]
    [Description("What linear layers hold their weights in: stored (as in the checkpoint where that is narrower than what is computed in; "
        + "widened for each product, which gives the same numbers), compute (the type that is computed in), or float8 (large layers, of "
        + "more than half a million weights, are rounded to it as they are loaded, and computed in it with rounded inputs: less exact; "
        + "CUDA cards of compute capability 8.9 or more).")]
    public string WeightDtype { get; set; } = "stored";

    /// <summary>Longest prompt in UTF-16 code units.</summary>
    [Range(1, 1_000_000)]
    [Description("Longest prompt in characters.")]
    public int MaxPromptLength { get; set; } = 10_000;

    /// <summary>Largest number of requests at once, waiting or computed.</summary>
    [Range(1, 1024)]
    [Description("Largest number of requests at once; more are refused.")]
    public int MaxRequests { get; set; } = 32;

    /// <summary>Serve a tokenizer with more ids than the model has: prompts that need them are then refused one by one.</summary>
    [Description("Serve although a tokenizer has more ids than its model; prompts that need them are refused.")]
    public bool AllowVocabularyMismatch { get; set; }

    /// <summary>Where CLIP's weights are.</summary>
    internal string ClipSource => ClipCheckpoint.Length > 0 ? ClipCheckpoint : Checkpoint;

    /// <summary>Where T5's weights are.</summary>
    internal string T5Source => T5Checkpoint.Length > 0 ? T5Checkpoint : Checkpoint;

    /// <inheritdoc/>
    protected override IEnumerable<ValidationResult> ValidateCheckpoint() => ClipSource.Length > 0 && T5Source.Length > 0
        ? []
        : [new ValidationResult("Checkpoint is missing; give it, or both ClipCheckpoint and T5Checkpoint", [nameof(Checkpoint)])];
}
