using FluxGrpc.Checkpoints;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// Reads the sizes of a checkpoint from the shapes of its tensors, and from diffusers' <c>config.json</c> what no shape tells.
/// Where both speak they must agree.
/// </summary>
public static class TransformerConfigReader
{
    private const string DoubleBlocks = "double_blocks.";
    private const string SingleBlocks = "single_blocks.";

    /// <summary>FLUX.1's axes, where there is no <c>config.json</c>: every published transformer has heads of 128 elements.</summary>
    private static readonly IReadOnlyList<long> _usualAxes = [16, 56, 56];

    /// <summary>Reads the sizes; no weights are touched.</summary>
    /// <exception cref="InvalidDataException">
    /// A size is told by neither, or both tell different ones; the message names the key and what each says.
    /// </exception>
    public static TransformerConfig Read(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var (doubleBlocks, singleBlocks) = (checkpoint.CountBlocks(DoubleBlocks), checkpoint.CountBlocks(SingleBlocks));
        Agree(checkpoint, "num_layers", doubleBlocks);
        Agree(checkpoint, "num_single_layers", singleBlocks);
        var headSize = HeadSize(checkpoint, doubleBlocks);
        var hiddenSize = HiddenSize(checkpoint, headSize);
        if (headSize == 0 || hiddenSize % headSize != 0)
        {
            throw new InvalidDataException(
                $"'{checkpoint.Name}': hidden size {hiddenSize} is not a multiple of the head size {headSize}");
        }

        var config = new TransformerConfig
        {
            InChannels = Width(checkpoint, "img_in.weight", "in_channels"),
            OutChannels = Size(checkpoint, "final_layer.linear.weight", dimension: 0, "out_channels"),
            PooledSize = Width(checkpoint, "vector_in.in_layer.weight", "pooled_projection_dim"),
            ContextSize = Width(checkpoint, "txt_in.weight", "joint_attention_dim"),
            SinusoidSize = Width(checkpoint, "time_in.in_layer.weight"),
            HiddenSize = hiddenSize,
            MlpSize = MlpSize(checkpoint, hiddenSize, doubleBlocks),
            HeadCount = Agree(checkpoint, "num_attention_heads", hiddenSize / headSize),
            DoubleBlockCount = doubleBlocks,
            SingleBlockCount = singleBlocks,
            AxesSizes = AxesSizes(checkpoint, headSize),
            TakesGuidance = TakesGuidance(checkpoint),
            HasQueryKeyValueBias = doubleBlocks == 0 || checkpoint.Tensors.ContainsKey($"{DoubleBlocks}0.img_attn.qkv.bias"),
        };
        return Validated(config, checkpoint.Name);
    }

    private static TransformerConfig Validated(TransformerConfig config, string name)
    {
        try
        {
            config.Validate();
            return config;
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"'{name}': {exception.Message}", exception);
        }
    }

    private static long Width(Checkpoint checkpoint, string matrix, string? configKey = null) =>
        Size(checkpoint, matrix, dimension: 1, configKey);

    /// <summary>
    /// A dimension of a matrix. Where the matrix is missing the config's word will do, so that the check of all tensors can list
    /// it among what else is missing.
    /// </summary>
    private static long Size(Checkpoint checkpoint, string matrix, int dimension, string? configKey) =>
        configKey is not null && !checkpoint.Tensors.ContainsKey(matrix) && checkpoint.Config.TryGetInt(configKey) is { } stated
            ? stated
            : Agree(checkpoint, configKey, checkpoint.ShapeOf(matrix, rank: 2)[dimension]);

    private static long HiddenSize(Checkpoint checkpoint, long headSize) =>
        !checkpoint.Tensors.ContainsKey("img_in.weight") && checkpoint.Config.TryGetInt("num_attention_heads") is { } headCount
            ? headCount * headSize
            : checkpoint.ShapeOf("img_in.weight", rank: 2)[0];

    private static long HeadSize(Checkpoint checkpoint, int doubleBlocks)
    {
        var norm = doubleBlocks > 0
            ? $"{DoubleBlocks}0.img_attn.norm.query_norm.scale"
            : $"{SingleBlocks}0.norm.query_norm.scale";
        return Agree(checkpoint, "attention_head_dim", checkpoint.ShapeOf(norm, rank: 1)[0]);
    }

    private static long MlpSize(Checkpoint checkpoint, long hiddenSize, int doubleBlocks) => doubleBlocks > 0
        ? checkpoint.ShapeOf($"{DoubleBlocks}0.img_mlp.0.weight", rank: 2)[0]
        : checkpoint.ShapeOf($"{SingleBlocks}0.linear1.weight", rank: 2)[0] - 3 * hiddenSize;

    private static IReadOnlyList<long> AxesSizes(Checkpoint checkpoint, long headSize)
    {
        if (checkpoint.Config.TryGetInts("axes_dims_rope") is { } stated)
            return [.. stated];
        return headSize == _usualAxes.Sum()
            ? _usualAxes
            : throw new InvalidDataException($"'{checkpoint.Name}': no shape tells how its heads of {headSize} elements are shared "
                + "out among the position axes; a config.json with axes_dims_rope is needed beside it");
    }

    private static bool TakesGuidance(Checkpoint checkpoint)
    {
        var takesGuidance = checkpoint.Tensors.ContainsKey("guidance_in.in_layer.weight");
        if (checkpoint.Config.TryGetBool("guidance_embeds") is { } stated && stated != takesGuidance)
        {
            throw new InvalidDataException($"{ComponentConfig.FileName} says guidance_embeds = {(stated ? "true" : "false")}, "
                + $"but the checkpoint has {(takesGuidance ? "a" : "no")} guidance_in");
        }

        return takesGuidance;
    }

    private static long Agree(Checkpoint checkpoint, string? configKey, long fromTensors)
    {
        if (configKey is not null)
            checkpoint.Config.MustAgree(configKey, fromTensors);
        return fromTensors;
    }
}
